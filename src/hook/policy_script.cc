#include "hook/policy_script.h"

#include <poll.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <utility>

#include "fusebox/executor.h"
#include "policy/duration.h"

namespace fusebox::hook {
namespace {

using std::chrono::steady_clock;

// A usual answer takes some 20 us: to have another thread wait for it, or for the turn, would take longer.
constexpr std::chrono::microseconds kQuickly{300};

Answered failure(std::string why) { return {.verdict = policy::Verdict::deny, .failed = true, .why = std::move(why)}; }

}  // namespace

PolicyScript::PolicyScript(Helper helper, const policy::HookRule& rule)
    : paths_({rule.patterns}),
      time_limit_(rule.time_limit),
      looks_(rule.looks),
      name_("hook \"" + printable(rule.script) + "\" (" + printable(rule.origin) + ")"),
      helper_(std::move(helper)),
      place_(helper_.pid()) {}

Task<guard::Answer> PolicyScript::ask(const Request& request, guard::Question question) {
  if (auto kept = cache_.find(question, steady_clock::now())) co_return *std::move(kept);
  Exchange exchange;
  const bool has_turn = turn_.take_within(kQuickly);
  if (has_turn) exchange = begin(question);
  if (!exchange.result) {
    const auto rest = [&]() -> Result<Answered> {
      if (!has_turn) {
        turn_.take();
        exchange = begin(question);
      }
      if (!exchange.result) end(exchange);
      return *exchange.result;
    };
    // Not where requests are served: the script may take its time.
    if (request.serving != nullptr) {
      co_await request.serving->executor().blocking(rest);
    } else {
      (void)rest();
    }
  }
  turn_.give();
  co_return conclude(question, *exchange.result);
}

guard::Answer PolicyScript::conclude(const guard::Question& question, const Answered& answered) {
  guard::Answer answer{.verdict = answered.verdict, .failed = answered.failed};
  if (answered.verdict != policy::Verdict::allow) {
    answer.rule = name_ + ": " + (answered.failed ? answered.why : std::string(to_string(answered.verdict)));
  }
  cache_.keep(question, answered, answer, steady_clock::now());
  return answer;
}

// Asks, and waits for an answer that comes quickly.
PolicyScript::Exchange PolicyScript::begin(const guard::Question& question) {
  if (!ended_.empty()) return {.result = failure(ended_)};
  if (is_behind()) return {.result = failure("it still has not answered an earlier question")};
  if (!ended_.empty()) return {.result = failure(ended_)};
  const std::uint64_t number = ++number_;
  place_.keep_here();
  if (!action::send(helper_.channel(), encode(number, question))) return {.result = die()};
  Exchange exchange{.number = number, .deadline = steady_clock::now() + time_limit_};
  proceed(exchange, steady_clock::now() + kQuickly);
  return exchange;
}

// Only where there is no answer yet: its process may be gone otherwise, and another have its number.
void PolicyScript::end(Exchange& exchange) {
  place_.let_go();
  proceed(exchange, exchange.deadline);
}

void PolicyScript::wait_for_message(Time until) const {
  const auto left =
      std::max(std::chrono::nanoseconds(until - steady_clock::now()), std::chrono::nanoseconds(0)).count();
  const timespec patience{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
  pollfd readable{helper_.channel().get(), POLLIN, 0};
  ::ppoll(&readable, 1, &patience, nullptr);
}

// Waits for the answer; behind the deadline there is one in any case.
void PolicyScript::proceed(Exchange& exchange, Time until) {
  while (!exchange.result) {
    wait_for_message(std::min(until, exchange.deadline));
    const auto message = receiver_.receive(helper_.channel());
    if (message) {
      auto answered = decode_answered(*message);
      if (answered && answered->number == exchange.number) exchange.result = *std::move(answered);
      continue;
    }
    if (message.error() != Errno::again) {
      exchange.result = die();
      return;
    }
    const Time now = steady_clock::now();
    if (now >= exchange.deadline) {
      overdue_ = exchange.number;
      exchange.result = failure("no answer within " + policy::to_string(time_limit_));
      return;
    }
    if (now >= until) return;
  }
}

// Is it still at a question that was given up?
bool PolicyScript::is_behind() {
  while (overdue_ != 0) {
    const auto message = receiver_.receive(helper_.channel());
    if (!message && message.error() == Errno::again) return true;
    if (!message) {
      die();
      return false;
    }
    const auto answered = decode_answered(*message);
    if (answered && answered->number == overdue_) overdue_ = 0;
  }
  return false;
}

Answered PolicyScript::die() {
  ended_ = "its process has ended (" + helper_.end() + ")";
  return failure(ended_);
}

}  // namespace fusebox::hook
