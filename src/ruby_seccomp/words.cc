#include "seccomp/words.h"

#include <mruby.h>
#include <mruby/string.h>
#include <seccomp.h>

#include <array>
#include <optional>
#include <string>

#include "ruby/bind.h"
#include "ruby/modules.h"
#include "ruby_seccomp/bindings.h"

namespace fusebox::ruby_seccomp {
namespace {

struct Constant {
  const char* name;
  std::uint32_t value;
};

constexpr std::array<Constant, 14> kConstants = {{{"SCMP_ACT_KILL", SCMP_ACT_KILL},
                                                  {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
                                                  {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
                                                  {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
                                                  {"SCMP_ACT_LOG", SCMP_ACT_LOG},
                                                  {"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
                                                  {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
                                                  {"SCMP_CMP_NE", SCMP_CMP_NE},
                                                  {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                  {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                  {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                  {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                  {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                  {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}}};

mrb_value call_number(mrb_state* mrb, mrb_value) {
  const char* name = nullptr;
  mrb_get_args(mrb, "z", &name);
  const int number = seccomp_syscall_resolve_name(name);
  return number == __NR_SCMP_ERROR ? mrb_nil_value() : mrb_int_value(mrb, number);
}

mrb_value call_name(mrb_state* mrb, mrb_value) {
  mrb_int number = 0;
  mrb_get_args(mrb, "i", &number);
  auto& name = ruby::owned_by_ruby<std::optional<std::string>>(mrb);
  name = seccomp::call_name(static_cast<int>(number));
  return name ? ruby::to_ruby(mrb, *name) : mrb_nil_value();
}

}  // namespace

void define_words(mrb_state* mrb) {
  RClass* const seccomp = mrb_define_module(mrb, "Seccomp");
  for (const Constant& constant : kConstants) {
    mrb_define_const(mrb, seccomp, constant.name, mrb_int_value(mrb, constant.value));
  }
  mrb_define_const(mrb, seccomp, "ERRNO_BASE", mrb_int_value(mrb, SCMP_ACT_ERRNO(0U)));
  mrb_define_const(mrb, seccomp, "TRACE_BASE", mrb_int_value(mrb, SCMP_ACT_TRACE(0U)));
  RClass* const own = ruby::fusebox_module(mrb);
  mrb_define_module_function(mrb, own, "call_number", call_number, MRB_ARGS_REQ(1));
  mrb_define_module_function(mrb, own, "call_name", ruby::method_of<call_name>, MRB_ARGS_REQ(1));
}

}  // namespace fusebox::ruby_seccomp
