#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "ruby/bind.h"
#include "ruby/modules.h"

namespace fusebox::ruby {
namespace {

mrb_value get(mrb_state* mrb, mrb_value) {
  const char* name = nullptr;
  mrb_get_args(mrb, "z", &name);
  const char* const value = std::getenv(name);
  return value != nullptr ? to_ruby(mrb, value) : mrb_nil_value();
}

mrb_value set(mrb_state* mrb, mrb_value) {
  const char* name = nullptr;
  const char* value = nullptr;
  mrb_get_args(mrb, "zz!", &name, &value);
  const int failed = value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
  if (failed != 0) raise_system_error(mrb, errno, "ENV");
  return value != nullptr ? to_ruby(mrb, value) : mrb_nil_value();
}

mrb_value keys(mrb_state* mrb, mrb_value) {
  const mrb_value names = mrb_ary_new(mrb);
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    mrb_ary_push(mrb, names, to_ruby(mrb, text.substr(0, text.find('='))));
  }
  return names;
}

}  // namespace

// ENV: an object of its own; prelude/environment.rb has the rest of its methods.
void define_environment(mrb_state* mrb) {
  const mrb_value env = mrb_obj_new(mrb, mrb->object_class, 0, nullptr);
  mrb_define_global_const(mrb, "ENV", env);
  RObject* const object = mrb_obj_ptr(env);
  mrb_define_singleton_method(mrb, object, "[]", get, MRB_ARGS_REQ(1));
  mrb_define_singleton_method(mrb, object, "[]=", set, MRB_ARGS_REQ(2));
  mrb_define_singleton_method(mrb, object, "keys", keys, MRB_ARGS_NONE());
}

}  // namespace fusebox::ruby
