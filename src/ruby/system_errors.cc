#include <mruby.h>
#include <mruby/class.h>
#include <mruby/error.h>
#include <mruby/hash.h>
#include <mruby/variable.h>

#include <cerrno>
#include <cstring>

#include "ruby/bind.h"
#include "ruby/modules.h"

namespace fusebox::ruby {
namespace {

constexpr int kLastErrno = 133;  // EHWPOISON

mrb_value text_of_errno(mrb_state* mrb, mrb_value) {
  mrb_int number = 0;
  mrb_get_args(mrb, "i", &number);
  return to_ruby(mrb, ::strerrordesc_np(static_cast<int>(number)) != nullptr
                          ? ::strerrordesc_np(static_cast<int>(number))
                          : "Unknown error");
}

void alias(mrb_state* mrb, RClass* errors, const char* name, const char* same_as) {
  mrb_define_const(mrb, errors, name, mrb_const_get(mrb, mrb_obj_value(errors), mrb_intern_cstr(mrb, same_as)));
}

}  // namespace

void raise_system_error(mrb_state* mrb, int number, const char* what) {
  errno = number;
  mrb_sys_fail(mrb, what);
  raise(mrb, E_RUNTIME_ERROR, what);  // where SystemCallError was taken away
}

// Errno::X for each errno, with Errno::X::Errno, and Errno::BY_NUMBER; prelude/system_error.rb has the rest.
void define_system_errors(mrb_state* mrb) {
  RClass* const base = mrb_define_class(mrb, "SystemCallError", mrb->eStandardError_class);
  RClass* const errors = mrb_define_module(mrb, "Errno");
  const mrb_value by_number = mrb_hash_new(mrb);
  mrb_define_const(mrb, errors, "BY_NUMBER", by_number);
  for (int number = 1; number <= kLastErrno; ++number) {
    const char* const name = ::strerrorname_np(number);
    if (name == nullptr) continue;
    const int arena = mrb_gc_arena_save(mrb);
    RClass* const error = mrb_define_class_under(mrb, errors, name, base);
    mrb_define_const(mrb, error, "Errno", mrb_fixnum_value(number));
    mrb_hash_set(mrb, by_number, mrb_fixnum_value(number), mrb_obj_value(error));
    mrb_gc_arena_restore(mrb, arena);
  }
  alias(mrb, errors, "EWOULDBLOCK", "EAGAIN");
  alias(mrb, errors, "EDEADLOCK", "EDEADLK");
  alias(mrb, errors, ::strerrorname_np(EOPNOTSUPP) == std::string_view("ENOTSUP") ? "EOPNOTSUPP" : "ENOTSUP",
        ::strerrorname_np(EOPNOTSUPP));
  mrb_define_module_function(mrb, fusebox_module(mrb), "strerror", text_of_errno, MRB_ARGS_REQ(1));
}

RClass* fusebox_module(mrb_state* mrb) { return mrb_define_module(mrb, "Fusebox"); }

}  // namespace fusebox::ruby
