#include "hook/host/script_host.h"

#include <mruby.h>
#include <mruby/array.h>
#include <mruby/string.h>
#include <mruby/variable.h>
#include <poll.h>
#include <unistd.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "action/channel.h"
#include "base/embedded.h"
#include "base/helper.h"
#include "hook/host/command_lines.h"
#include "hook/messages.h"
#include "ruby/bind.h"
#include "ruby/engine.h"

namespace fusebox::hook {
namespace {

constexpr char kPrelude[] = {
#embed "script.rb"
};

// Fusebox::Hook
mrb_value hook_module(mrb_state* mrb) {
  return mrb_obj_value(mrb_module_get_under(mrb, mrb_module_get(mrb, "Fusebox"), "Hook"));
}

mrb_value call_hook(mrb_state* mrb, const char* method, std::span<const mrb_value> arguments) {
  return mrb_funcall_argv(mrb, hook_module(mrb), mrb_intern_cstr(mrb, method), static_cast<mrb_int>(arguments.size()),
                          arguments.data());
}

mrb_value to_symbol(mrb_state* mrb, std::string_view word) {
  return mrb_symbol_value(mrb_intern(mrb, word.data(), word.size()));
}

std::string_view word_of(mrb_state* mrb, mrb_value symbol) {
  if (!mrb_symbol_p(symbol)) return {};
  mrb_int length = 0;
  const char* name = mrb_sym_name_len(mrb, mrb_symbol(symbol), &length);
  return {name, static_cast<std::size_t>(length)};
}

// [:deny, 1000, :process, 7, false], as Fusebox::Hook.answer gives it.
std::optional<Answered> answered_by(mrb_state* mrb, mrb_value said, std::uint64_t number) {
  if (!mrb_array_p(said) || RARRAY_LEN(said) != 5) return std::nullopt;
  const mrb_value* parts = RARRAY_PTR(said);
  const auto verdict = verdict_of(word_of(mrb, parts[0]));
  const auto scope = scope_of(word_of(mrb, parts[2]));
  if (!verdict || !scope || !mrb_integer_p(parts[1]) || !mrb_integer_p(parts[3]) || mrb_integer(parts[1]) < 0) {
    return std::nullopt;
  }
  return Answered{.number = number,
                  .verdict = *verdict,
                  .holds = std::chrono::milliseconds(mrb_integer(parts[1])),
                  .scope = *scope,
                  .wants = Wants(static_cast<unsigned>(mrb_integer(parts[3]))),
                  .any_path = mrb_test(parts[4])};
}

constexpr const char* kCommandLines = "command_lines";

// Fusebox::Hook.command_line(pid)
mrb_value command_line(mrb_state* mrb, mrb_value self) {
  mrb_int pid = 0;
  mrb_get_args(mrb, "i", &pid);
  const mrb_value lines = mrb_iv_get(mrb, self, mrb_intern_cstr(mrb, kCommandLines));
  return ruby::to_ruby(mrb, static_cast<CommandLines*>(mrb_cptr(lines))->of(static_cast<pid_t>(pid)));
}

class Script {
 public:
  // In what it says of itself a fault is told.
  Hello load(const std::string& path) {
    auto engine = ruby::Engine::create({.program_name = path});
    if (!engine) return {.fault = engine.error().line()};
    engine_ = *std::move(engine);
    ruby::Ran<> ran = engine_->evaluate(embedded("fusebox:script.rb", kPrelude));
    if (ran) {
      ran = engine_->protect([&](mrb_state* mrb) {
        const mrb_value hook = hook_module(mrb);
        mrb_iv_set(mrb, hook, mrb_intern_cstr(mrb, kCommandLines), mrb_cptr_value(mrb, &command_lines_));
        mrb_define_singleton_method(mrb, mrb_obj_ptr(hook), "command_line", ruby::method_of<command_line>,
                                    MRB_ARGS_REQ(1));
      });
    }
    if (ran) ran = engine_->load(path);
    Hello hello;
    std::vector<std::string> rules;
    if (ran) {
      ran = engine_->protect([&](mrb_state* mrb) {
        hello.answers = mrb_test(call_hook(mrb, "answers?", {}));
        const mrb_value list = call_hook(mrb, "rules", {});
        for (mrb_int i = 0; i < RARRAY_LEN(list); ++i) rules.emplace_back(ruby::view_of(mrb_ary_entry(list, i)));
      });
    }
    if (!ran) return {.fault = ran.error().line};
    for (const std::string& rule : rules) hello.rules.push_back(script_rule_of(rule));
    return hello;
  }

  Answered answer(const Asked& asked) {
    std::optional<Answered> answered;
    const ruby::Ran<> ran = engine_->protect([&](mrb_state* mrb) {
      const mrb_value arguments[] = {to_symbol(mrb, asked.op),
                                     to_symbol(mrb, asked.want),
                                     ruby::to_ruby(mrb, asked.path),
                                     asked.to.empty() ? mrb_nil_value() : ruby::to_ruby(mrb, asked.to),
                                     mrb_int_value(mrb, asked.pid),
                                     mrb_int_value(mrb, asked.tid),
                                     mrb_int_value(mrb, static_cast<mrb_int>(asked.uid)),
                                     ruby::to_ruby(mrb, asked.exe)};
      answered = answered_by(mrb, call_hook(mrb, "answer", arguments), asked.number);
    });
    if (!ran) return failure(asked.number, ran.error());
    return answered ? *std::move(answered) : failure(asked.number, {.line = "an answer that is none"});
  }

  // Why it was not done; empty: it was.
  std::string act(std::size_t block, const action::Order& order) {
    const ruby::Ran<> ran = engine_->protect([&](mrb_state* mrb) {
      const mrb_value arguments[] = {mrb_int_value(mrb, static_cast<mrb_int>(block)),
                                     mrb_int_value(mrb, static_cast<mrb_int>(order.event)),
                                     ruby::to_ruby(mrb, order.op),
                                     ruby::to_ruby(mrb, order.path),
                                     ruby::to_ruby(mrb, order.to),
                                     ruby::to_ruby(mrb, order.pid),
                                     ruby::to_ruby(mrb, order.uid),
                                     ruby::to_ruby(mrb, order.exe),
                                     ruby::to_ruby(mrb, order.verdict),
                                     ruby::to_ruby(mrb, order.json)};
      call_hook(mrb, "act", arguments);
    });
    if (ran) return {};
    if (ran.error().exit_status) ::_exit(*ran.error().exit_status);
    return ran.error().line;
  }

 private:
  static Answered failure(std::uint64_t number, const ruby::Raised& raised) {
    if (raised.exit_status) ::_exit(*raised.exit_status);
    return {.number = number, .verdict = policy::Verdict::deny, .failed = true, .why = raised.line};
  }

  CommandLines command_lines_;
  std::unique_ptr<ruby::Engine> engine_;
};

// What a script prints is no part of the command's output.
void redirect_output() { ::dup2(STDERR_FILENO, STDOUT_FILENO); }

}  // namespace

void answer_for_script(const Fd& channel, const std::string& path) {
  redirect_output();
  Script script;
  if (!action::send(channel, encode(script.load(path)))) return;
  action::Receiver receiver;
  while (const auto message = receiver.wait(channel)) {
    const auto asked = decode_asked(*message);
    if (asked && !action::send(channel, encode(script.answer(*asked)))) return;
  }
}

void act_for_script(const Fd& channel, const std::string& path, std::size_t first) {
  redirect_output();
  Script script;
  const Hello hello = script.load(path);
  if (!action::send(channel, encode(hello)) || !hello.fault.empty()) return;
  action::Receiver receiver;
  while (const auto message = receiver.wait(channel)) {
    const auto told = action::decode_told(*message);
    const auto* order = told ? std::get_if<action::Order>(&*told) : nullptr;
    if (order == nullptr || order->rule < first) continue;
    const action::Report report{order->rule, order->event, script.act(order->rule - first, *order)};
    while (!action::send(channel, encode(report))) {
      // The supervisor takes reports when it comes to that; one that has closed its end takes none.
      pollfd writable{channel.get(), POLLOUT, 0};
      ::poll(&writable, 1, 1000);
      if ((writable.revents & (POLLHUP | POLLERR)) != 0) return;
    }
  }
}

}  // namespace fusebox::hook
