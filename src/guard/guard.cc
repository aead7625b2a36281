#include "guard/guard.h"

#include <charconv>
#include <ctime>
#include <optional>
#include <utility>

#include "base/keyed_hash.h"

namespace fusebox::guard {
namespace {

using policy::Decision;
using policy::Verdict;
using policy::Want;

bool is_permitted(const Decision& decision) {
  return decision.verdict == Verdict::allow || decision.verdict == Verdict::discard;
}

policy::TriggerSet triggers_of(const Act& act, audit::Verdict outcome, Errno error) {
  using policy::Trigger;
  if (outcome == audit::Verdict::deny) return {Trigger::denied};
  if (!audit::is_permitted(outcome) || error != Errno{}) return {};
  switch (audit::kind_of(act.op, act.flags)) {
    case audit::Kind::read:
      return act.op == audit::Op::exec ? policy::TriggerSet{Trigger::read, Trigger::exec}
                                       : policy::TriggerSet{Trigger::read};
    case audit::Kind::write:
      return {Trigger::write};
    case audit::Kind::create:
      return {Trigger::write, act.op == audit::Op::rename ? Trigger::rename : Trigger::create};
    case audit::Kind::remove:
      return {Trigger::write, Trigger::remove};
    case audit::Kind::attributes:
      return {Trigger::write, Trigger::attributes};
    case audit::Kind::look:
    case audit::Kind::transfer:
      return {};
  }
  return {};
}

timespec now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

}  // namespace

Place::Place(std::string where, Ruling by, std::uint64_t made_in, std::uint64_t rules_that_act, bool hook_is_asked)
    : path(std::move(where)),
      hash(keyed_hash(path)),
      epoch(made_in),
      ruling(std::move(by)),
      decisions{ruling.policy->decide(path, Want::stat), ruling.policy->decide(path, Want::read),
                ruling.policy->decide(path, Want::write)},
      acting(rules_that_act),
      asks(hook_is_asked) {}

Guard::Guard(PolicySource& policies, audit::Log& log, audit::ProcessTable& processes, GuardOptions options)
    : policies_(policies), log_(log), processes_(processes), options_(std::move(options)), level_(log.level()) {}

Place Guard::place(const Ruling& ruling, std::string path, std::uint64_t made_in) const {
  const std::uint64_t acting = options_.triggers != nullptr ? options_.triggers->at(path) : 0;
  const bool asks = asks_at(path);
  return Place(std::move(path), ruling, made_in, acting, asks);
}

Ref<Node> Guard::used_at(const Place& place, const Ref<Node>& node) const {
  const bool is_aside = place.decision(Want::write).verdict == Verdict::discard;
  return options_.destinations == nullptr || is_aside ? node : options_.destinations->in_place(node);
}

std::mutex& Guard::mutex_for(const void* node) const {
  return mutexes_[(reinterpret_cast<std::uintptr_t>(node) >> 6) % kMutexes];
}

// What a verdict other than allow means to the caller and to the log.
Guard::Refusal Guard::refusal_by(const Place& place, const Decision& decision) {
  std::string rule = place.ruling.policy->describe(decision.rule);
  if (decision.verdict == Verdict::predict) return {audit::Verdict::predict, Errno::access, std::move(rule)};
  if (decision.verdict == Verdict::hide) return {audit::Verdict::hide, Errno::no_entry, std::move(rule)};
  return {audit::Verdict::deny, Errno::access, std::move(rule)};
}

Result<> Guard::permit_by_policy(const Request& request, const Place& place, const Act& act, std::string_view to) {
  if (log_broken_.load(std::memory_order_relaxed)) return fail(Errno::io);
  const Decision& decision = place.decision(act.want);
  if (is_permitted(decision)) return {};
  return record_refusal(request, place, act, to, refusal_by(place, decision));
}

Task<> Guard::permit(const Request& request, const Place& place, const Act& act, std::string_view to) {
  co_await permit_by_policy(request, place, act, to);
  if (is_asked(place, act.want)) co_await permit_by_hook(request, place, act, to);
  co_return {};
}

Task<> Guard::permit_both(const Request& request, const Place& from, const Place& to, const Act& act) {
  co_await permit_by_policy(request, from, act, to.path);
  const Decision& decision = to.decision(act.want);
  if (!is_permitted(decision)) {
    // The log names both ends in their order, whichever end refuses.
    Refusal refusal = refusal_by(to, decision);
    refusal.at_to = true;
    co_return record_refusal(request, from, act, to.path, refusal);
  }
  if (from.asks || to.asks) co_await permit_by_hook(request, from, act, to.path);
  co_return {};
}

Task<> Guard::permit_by_hook(const Request& request, const Place& place, const Act& act, std::string_view to) {
  const std::optional<Refusal> refusal = co_await refusal_by_hook(request, place, act, to);
  if (!refusal) co_return {};
  co_return record_refusal(request, place, act, to, *refusal);
}

// As the words of the policy's rules: to look is refused by `hide` alone.
Task<std::optional<Guard::Refusal>> Guard::refusal_by_hook(const Request& request, const Place& place, const Act& act,
                                                           std::string_view to) {
  const std::string_view executed = act.op == audit::Op::exec ? std::string_view(place.path) : std::string_view();
  const std::shared_ptr<const audit::Process> process = processes_.find(request.caller.tid, executed);
  Answer answer = co_await options_.hook->ask(
      request,
      {.op = act.op, .want = act.want, .path = place.path, .to = to, .process = *process, .caller = request.caller});
  const bool looks = act.want == Want::stat && !answer.failed;
  if (answer.verdict == Verdict::hide) co_return Refusal{audit::Verdict::hide, Errno::no_entry, std::move(answer.rule)};
  if (answer.verdict == Verdict::allow || looks) co_return std::nullopt;
  const bool quietly = answer.verdict == Verdict::predict;
  co_return Refusal{quietly ? audit::Verdict::predict : audit::Verdict::deny, Errno::access, std::move(answer.rule)};
}

Task<> Guard::would_permit(const Request& request, const Place& place, const Act& act) {
  const Decision& decision = place.decision(act.want);
  if (!is_permitted(decision)) co_return refusal_by(place, decision).error;
  if (!is_asked(place, act.want)) co_return {};
  const std::optional<Refusal> refusal = co_await refusal_by_hook(request, place, act, {});
  if (refusal) co_return refusal->error;
  co_return {};
}

Result<> Guard::refuse(const Request& request, const Place& from, const Place& to, const Act& act, std::string reason) {
  return record_refusal(request, from, act, to.path, {audit::Verdict::deny, Errno::access, std::move(reason)});
}

Result<> Guard::record_refusal(const Request& request, const Place& place, const Act& act, std::string_view to,
                               const Refusal& refusal) {
  const std::shared_ptr<const audit::Process> process = processes_.find(request.caller.tid);
  const bool violation = refusal.outcome == audit::Verdict::deny;
  last_refusals_.remember(request.caller.tid, refusal.at_to ? keyed_hash(to) : place.hash);
  if (!violation && !log_.wants(*process, act.op, place.hash, true, act.flags)) return fail(refusal.error);
  const Result<> recorded = record({.time = now(),
                                    .process = process,
                                    .tid = request.caller.tid,
                                    .uid = request.caller.uid,
                                    .op = act.op,
                                    .path = place.path,
                                    .to = std::string(to),
                                    .flags = act.flags,
                                    .verdict = refusal.outcome,
                                    .rule = refusal.rule,
                                    .error = static_cast<int>(refusal.error),
                                    .is_directory = act.is_directory,
                                    .refused_at_to = refusal.at_to,
                                    .triggers = triggered(place, to, act, refusal.outcome, refusal.error)});
  if (!recorded) return recorded;
  return fail(refusal.error);
}

Result<> Guard::report(const Request& request, const Place& place, const Act& act, Errno error, std::string_view to,
                       std::uint64_t bytes) {
  const Decision& decision = place.decision(act.want);
  const bool is_aside = decision.verdict == Verdict::discard;
  const audit::Verdict outcome = is_aside ? audit::Verdict::discard : audit::Verdict::allow;
  const std::uint64_t triggers = triggered(place, to, act, outcome, error);
  if (level_ == audit::Level::violations && triggers == 0) return {};
  const std::string_view executed = act.op == audit::Op::exec ? std::string_view(place.path) : std::string_view();
  const std::shared_ptr<const audit::Process> process = processes_.find(request.caller.tid, executed);
  if (!log_.wants(*process, act.op, place.hash, error != Errno{}, act.flags, triggers)) return {};
  return record({.time = now(),
                 .process = process,
                 .tid = request.caller.tid,
                 .uid = request.caller.uid,
                 .op = act.op,
                 .path = place.path,
                 .to = std::string(to),
                 .flags = act.flags,
                 .verdict = outcome,
                 .rule = is_aside ? place.ruling.policy->describe(decision.rule) : std::string(),
                 .error = static_cast<int>(error),
                 .bytes = bytes,
                 .is_directory = act.is_directory,
                 .triggers = triggers});
}

// The rules that act on it, of either place.
std::uint64_t Guard::triggered(const Place& place, std::string_view to, const Act& act, audit::Verdict outcome,
                               Errno error) const {
  if (options_.triggers == nullptr) return 0;
  const bool has_two_places = act.op == audit::Op::rename || act.op == audit::Op::link;
  const std::uint64_t there = has_two_places && !to.empty() ? options_.triggers->at(to) : 0;
  if ((place.acting | there) == 0) return 0;
  return options_.triggers->asking(place.acting | there, triggers_of(act, outcome, error));
}

Result<> Guard::hear(const Request& request, std::string_view name, std::span<const std::byte> value) {
  const Result<> taken = policies_.tell(request.caller, name, value);
  if (!taken || name != PolicySource::kTellRefused) return taken;
  return hear_refusal(request, {reinterpret_cast<const char*>(value.data()), value.size()});
}

// `text`: "OPERATION FLAGS PATH".
Result<> Guard::hear_refusal(const Request& request, std::string_view text) {
  const std::size_t first = text.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : text.find(' ', first + 1);
  if (second == std::string_view::npos) return fail(Errno::invalid);
  const std::optional<audit::Op> op = audit::parse_op(text.substr(0, first));
  int flags = 0;
  const std::string_view number = text.substr(first + 1, second - first - 1);
  const bool is_number = std::from_chars(number.begin(), number.end(), flags).ec == std::errc();
  const std::string_view path = text.substr(second + 1);
  if (!op || !is_number || !path.starts_with('/') || path.contains('\0')) return fail(Errno::invalid);
  const Place at = place(ruling(request), std::string(path));
  // It was we who refused, and it is in the log.
  if (last_refusals_.take(request.caller.tid, at.hash)) return fail(Errno::access);
  const bool reads = audit::kind_of(*op, flags) == audit::Kind::read || audit::kind_of(*op, flags) == audit::Kind::look;
  const Act act{.op = *op, .want = reads ? Want::read : Want::write, .flags = flags};
  const Result<> permitted = permit_by_policy(request, at, act, {});
  (void)last_refusals_.take(request.caller.tid, at.hash);  // it will not be told of this one again
  return permitted;
}

Result<> Guard::record(audit::Event event) {
  const Result<> recorded = log_.record(std::move(event));
  if (!recorded) log_broken_.store(true, std::memory_order_relaxed);
  if (!recorded) return fail(Errno::io);
  return {};
}

}  // namespace fusebox::guard
