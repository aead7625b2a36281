// C++ functions as Ruby methods.
//
// Two worlds meet here, and each breaks the other's frames.  Ruby jumps (longjmp): where a function of mruby's may
// raise, no object with a destructor may be alive.  So a method first takes its arguments (mrb_get_args), then calls
// C++ that touches no Ruby, then makes Ruby values of what that gave.  C++ throws: no exception may reach mruby's
// frames, which method_of() sees to.
#pragma once

#include <mruby.h>
#include <mruby/data.h>
#include <mruby/string.h>

#include <array>
#include <cstdio>
#include <exception>
#include <string_view>
#include <utility>

namespace fusebox::ruby {

inline mrb_value to_ruby(mrb_state* mrb, std::string_view text) { return mrb_str_new(mrb, text.data(), text.size()); }

inline std::string_view view_of(mrb_value string) {
  return {RSTRING_PTR(string), static_cast<std::size_t>(RSTRING_LEN(string))};
}

// A new T that goes with the garbage of the method that made it, however the method ends.
template <class T>
T& owned_by_ruby(mrb_state* mrb) {
  static constexpr mrb_data_type kType = {"Fusebox", [](mrb_state*, void* object) { delete static_cast<T*>(object); }};
  RData* const holder = mrb_data_object_alloc(mrb, mrb->object_class, nullptr, &kType);
  holder->data = new T();
  return *static_cast<T*>(holder->data);
}

// As mrb_raise(), which does not say in C++ that it does not return.
[[noreturn]] inline void raise(mrb_state* mrb, RClass* exception, const char* message) {
  mrb_raise(mrb, exception, message);
  std::unreachable();
}

// Raises the Errno::X of `number`, an errno, with `what` behind its text.
[[noreturn]] void raise_system_error(mrb_state* mrb, int number, const char* what);

// `Method` with what it throws raised as RuntimeError.
template <mrb_func_t Method>
mrb_value method_of(mrb_state* mrb, mrb_value self) {
  std::array<char, 256> why;  // survives the exception: the jump must leave no C++ object behind
  try {
    return Method(mrb, self);
  } catch (const std::exception& error) {
    std::snprintf(why.data(), why.size(), "%s", error.what());
  }
  raise(mrb, E_RUNTIME_ERROR, why.data());
}

}  // namespace fusebox::ruby
