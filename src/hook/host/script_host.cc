#include "hook/host/script_host.h"

#include <mruby.h>
#include <mruby/array.h>
#include <mruby/string.h>
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
#include "hook/messages.h"
#include "ruby/bind.h"
#include "ruby/engine.h"

namespace fusebox::hook {
namespace {

constexpr char kPrelude[] = {
#embed "script.rb"
};

constexpr std::size_t kMostFields = 10;

// Calls `method` of Fusebox::Hook with texts, behind `first` where there is one.
mrb_value call_hook(mrb_state* mrb, const char* method, std::span<const std::string_view> fields,
                    std::optional<mrb_int> first = {}) {
  const mrb_value hook = mrb_obj_value(mrb_module_get_under(mrb, mrb_module_get(mrb, "Fusebox"), "Hook"));
  mrb_value arguments[kMostFields];
  mrb_int count = 0;
  if (first) arguments[count++] = mrb_fixnum_value(*first);
  for (const std::string_view field : fields) arguments[count++] = ruby::to_ruby(mrb, field);
  return mrb_funcall_argv(mrb, hook, mrb_intern_cstr(mrb, method), count, arguments);
}

class Script {
 public:
  // In what it says of itself a fault is told.
  Hello load(const std::string& path) {
    auto engine = ruby::Engine::create({.program_name = path});
    if (!engine) return {.fault = engine.error().line()};
    engine_ = *std::move(engine);
    ruby::Ran<> ran = engine_->evaluate(embedded("fusebox:script.rb", kPrelude));
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
    const std::string_view fields[] = {asked.op,  asked.want, asked.path, asked.to,
                                       asked.pid, asked.tid,  asked.uid,  asked.exe};
    std::string said;
    const ruby::Ran<> ran =
        engine_->protect([&](mrb_state* mrb) { said = ruby::view_of(call_hook(mrb, "answer", fields)); });
    if (!ran) return failure(asked.number, ran.error());
    auto answered = answered_by(asked.number, said);
    return answered ? *std::move(answered) : failure(asked.number, {.line = "an answer that is none"});
  }

  // Why it was not done; empty: it was.
  std::string act(std::size_t block, const action::Order& order) {
    const std::string seq = std::to_string(order.event);
    const std::string_view fields[] = {seq,       order.op,  order.path,    order.to,  order.pid,
                                       order.uid, order.exe, order.verdict, order.json};
    const ruby::Ran<> ran =
        engine_->protect([&](mrb_state* mrb) { call_hook(mrb, "act", fields, static_cast<mrb_int>(block)); });
    if (ran) return {};
    if (ran.error().exit_status) ::_exit(*ran.error().exit_status);
    return ran.error().line;
  }

 private:
  static Answered failure(std::uint64_t number, const ruby::Raised& raised) {
    if (raised.exit_status) ::_exit(*raised.exit_status);
    return {.number = number, .verdict = policy::Verdict::deny, .failed = true, .why = raised.line};
  }

  std::unique_ptr<ruby::Engine> engine_;
};

// Waits for the next message; nothing: the other end is closed.
std::optional<std::string_view> next(const Fd& channel, action::Receiver& receiver) {
  while (true) {
    pollfd readable{channel.get(), POLLIN, 0};
    ::poll(&readable, 1, -1);
    const auto message = receiver.receive(channel);
    if (message) return *message;
    if (message.error() != Errno::again) return std::nullopt;
  }
}

// What a script prints is no part of the command's output.
void redirect_output() { ::dup2(STDERR_FILENO, STDOUT_FILENO); }

}  // namespace

void answer_for_script(const Fd& channel, const std::string& path) {
  redirect_output();
  Script script;
  if (!action::send(channel, encode(script.load(path)))) return;
  action::Receiver receiver;
  while (const auto message = next(channel, receiver)) {
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
  while (const auto message = next(channel, receiver)) {
    const auto told = action::decode_told(*message);
    if (!told || !told->order || told->order->rule < first) continue;
    const action::Order& order = *told->order;
    const action::Report report{order.rule, order.event, script.act(order.rule - first, order)};
    while (!action::send(channel, encode(report))) {
      // The supervisor takes reports when it comes to that; one that has closed its end takes none.
      pollfd writable{channel.get(), POLLOUT, 0};
      ::poll(&writable, 1, 1000);
      if ((writable.revents & (POLLHUP | POLLERR)) != 0) return;
    }
  }
}

}  // namespace fusebox::hook
