#include "ruby_seccomp/seccomp_module.h"

#include <mruby/variable.h>

#include <array>
#include <string>
#include <string_view>

#include "ruby_seccomp/bindings.h"

namespace fusebox::ruby_seccomp {
namespace {

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
constexpr char kSeccomp[] = {
#embed "prelude/seccomp.rb"
};
constexpr char kContext[] = {
#embed "prelude/context.rb"
};
constexpr char kNotification[] = {
#embed "prelude/notification.rb"
};
constexpr char kTrace[] = {
#embed "prelude/trace.rb"
};
constexpr char kSignals[] = {
#embed "prelude/signals.rb"
};
constexpr char kHandOver[] = {
#embed "prelude/hand_over.rb"
};
#pragma clang diagnostic pop

struct File {
  const char* name;
  std::string_view text;
};

constexpr std::array<File, 5> kPrelude = {{
    {"fusebox:seccomp.rb", {kSeccomp, sizeof kSeccomp}},
    {"fusebox:context.rb", {kContext, sizeof kContext}},
    {"fusebox:notification.rb", {kNotification, sizeof kNotification}},
    {"fusebox:trace.rb", {kTrace, sizeof kTrace}},
    {"fusebox:signals.rb", {kSignals, sizeof kSignals}},
}};

}  // namespace

ruby::Ran<> define_seccomp(ruby::Engine& engine, const HandOver* hand_over) {
  const ruby::Ran<> defined = engine.protect([hand_over](mrb_state* mrb) {
    define_context(mrb);
    define_words(mrb);
    define_notification(mrb);
    define_trace(mrb);
    define_signals(mrb);
    if (hand_over == nullptr) return;
    mrb_iv_set(mrb, mrb_obj_value(mrb_module_get(mrb, "Seccomp")), mrb_intern_cstr(mrb, "hand_over"),
               mrb_cptr_value(mrb, const_cast<HandOver*>(hand_over)));
  });
  if (!defined) return defined;
  for (const File& file : kPrelude) {
    if (const ruby::Ran<> ran = engine.evaluate(file.text, file.name); !ran) return ran;
  }
  if (hand_over == nullptr) return {};
  return engine.evaluate({kHandOver, sizeof kHandOver}, "fusebox:hand_over.rb");
}

ruby::Ran<> run_pending_blocks(ruby::Engine& engine) {
  return engine.evaluate("SignalThread.run", "fusebox:run_pending_blocks");
}

ruby::Ran<> hand_over_last(ruby::Engine& engine) {
  return engine.evaluate("Seccomp::Context.last && Seccomp::Context.last.load", "fusebox:hand_over_last");
}

}  // namespace fusebox::ruby_seccomp
