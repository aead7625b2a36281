#include "seccomp/signals.h"

#include <mruby.h>
#include <mruby/array.h>

#include <array>

#include "ruby/bind.h"
#include "ruby/modules.h"
#include "ruby_seccomp/bindings.h"

namespace fusebox::ruby_seccomp {
namespace {

mrb_value catch_signal(mrb_state* mrb, mrb_value) {
  mrb_int signal = 0;
  mrb_get_args(mrb, "i", &signal);
  const auto caught = seccomp::catch_signal(static_cast<int>(signal));
  if (!caught) ruby::raise_system_error(mrb, static_cast<int>(caught.error()), "trap");
  return mrb_nil_value();
}

// [signo, code, pid, uid, syscall, arch, address], or nil.
mrb_value next_signal(mrb_state* mrb, mrb_value) {
  const auto caught = seccomp::next_caught_signal();
  if (!caught) return mrb_nil_value();
  const std::array<mrb_int, 7> fields = {caught->number,
                                         caught->code,
                                         caught->pid,
                                         caught->uid,
                                         caught->call,
                                         caught->architecture,
                                         static_cast<mrb_int>(caught->address)};
  const mrb_value array = mrb_ary_new_capa(mrb, fields.size());
  for (const mrb_int field : fields) mrb_ary_push(mrb, array, mrb_int_value(mrb, field));
  return array;
}

}  // namespace

void define_signals(mrb_state* mrb) {
  RClass* const own = ruby::fusebox_module(mrb);
  mrb_define_module_function(mrb, own, "catch_signal", catch_signal, MRB_ARGS_REQ(1));
  mrb_define_module_function(mrb, own, "next_signal", next_signal, MRB_ARGS_NONE());
}

}  // namespace fusebox::ruby_seccomp
