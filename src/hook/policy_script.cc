#include "hook/policy_script.h"

#include <poll.h>

#include <optional>
#include <utility>

#include "fusebox/executor.h"
#include "policy/duration.h"

namespace fusebox::hook {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Answered failure(std::string why) {
  return {.verdict = policy::Verdict::deny, .failed = true, .why = std::move(why)};
}

}  // namespace

PolicyScript::PolicyScript(Helper helper, const policy::HookRule& rule)
    : paths_({rule.patterns}),
      time_limit_(rule.time_limit),
      name_("hook \"" + printable(rule.script) + "\" (" + printable(rule.origin) + ")"),
      helper_(std::move(helper)) {}

Task<guard::Answer> PolicyScript::ask(const Request& request, guard::Question question) {
  if (auto kept = cache_.find(question, steady_clock::now())) co_return *std::move(kept);
  // Not where requests are served: the script may take its time.
  if (request.serving == nullptr) co_return answer(question);
  co_return co_await request.serving->executor().blocking(
      [this, &question]() -> Result<guard::Answer> { return answer(question); });
}

guard::Answer PolicyScript::answer(const guard::Question& question) {
  const Answered answered = exchange(question);
  guard::Answer answer{.verdict = answered.verdict, .failed = answered.failed};
  if (answered.verdict != policy::Verdict::allow) {
    answer.rule = name_ + ": " + (answered.failed ? answered.why : std::string(to_string(answered.verdict)));
  }
  cache_.keep(question, answered, answer, steady_clock::now());
  return answer;
}

Answered PolicyScript::exchange(const guard::Question& question) {
  const std::lock_guard lock(turn_);
  if (!ended_.empty()) return failure(ended_);
  if (is_behind()) return failure("it still has not answered an earlier question");
  if (!ended_.empty()) return failure(ended_);
  const std::uint64_t number = ++number_;
  if (!action::send(helper_.channel(), encode(number, question))) return die();
  if (auto answered = await(number)) return *std::move(answered);
  if (!ended_.empty()) return failure(ended_);
  overdue_ = number;
  return failure("no answer within " + policy::to_string(time_limit_));
}

// Nothing: there is none in time, or there never will be.
std::optional<Answered> PolicyScript::await(std::uint64_t number) {
  const auto deadline = steady_clock::now() + time_limit_;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
    pollfd readable{helper_.channel().get(), POLLIN, 0};
    if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) == 0) return std::nullopt;
    const auto message = receiver_.receive(helper_.channel());
    if (!message && message.error() == Errno::again) continue;
    if (!message) {
      die();
      return std::nullopt;
    }
    auto answered = decode_answered(*message);
    if (answered && answered->number == number) return answered;
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
