#include "ruby_seccomp/seccomp_module.h"

#include <mruby/variable.h>

#include <array>
#include <string>
#include <string_view>

#include "base/embedded.h"
#include "ruby_seccomp/bindings.h"

namespace fusebox::ruby_seccomp {
namespace {

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

constexpr std::array kPrelude = {
    embedded("fusebox:seccomp.rb", kSeccomp),           embedded("fusebox:context.rb", kContext),
    embedded("fusebox:notification.rb", kNotification), embedded("fusebox:trace.rb", kTrace),
    embedded("fusebox:signals.rb", kSignals),
};

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
  for (const EmbeddedText& file : kPrelude) {
    if (const ruby::Ran<> ran = engine.evaluate(file); !ran) return ran;
  }
  if (hand_over == nullptr) return {};
  return engine.evaluate(embedded("fusebox:hand_over.rb", kHandOver));
}

ruby::Ran<> run_pending_blocks(ruby::Engine& engine) {
  return engine.evaluate("SignalThread.run", "fusebox:run_pending_blocks");
}

ruby::Ran<> hand_over_last(ruby::Engine& engine) {
  return engine.evaluate("Seccomp::Context.last && Seccomp::Context.last.load", "fusebox:hand_over_last");
}

}  // namespace fusebox::ruby_seccomp
