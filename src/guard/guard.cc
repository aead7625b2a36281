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

timespec now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

}  // namespace

Place::Place(std::string where, Ruling by, std::uint64_t made_in)
    : path(std::move(where)),
      hash(keyed_hash(path)),
      epoch(made_in),
      ruling(std::move(by)),
      decisions{ruling.policy->decide(path, Want::stat), ruling.policy->decide(path, Want::read),
                ruling.policy->decide(path, Want::write)} {}

Guard::Guard(PolicySource& policies, audit::Log& log, audit::ProcessTable& processes, GuardOptions options)
    : policies_(policies), log_(log), processes_(processes), options_(std::move(options)), level_(log.level()) {}

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

Result<> Guard::permit(const Request& request, const Place& place, const Act& act, std::string_view to) {
  if (log_broken_.load(std::memory_order_relaxed)) return fail(Errno::io);
  const Decision& decision = place.decision(act.want);
  if (is_permitted(decision)) return {};
  return record_refusal(request, place, act, to, refusal_by(place, decision));
}

Result<> Guard::permit_both(const Request& request, const Place& from, const Place& to, const Act& act) {
  const Result<> first = permit(request, from, act, to.path);
  if (!first) return first;
  const Decision& decision = to.decision(act.want);
  if (is_permitted(decision)) return {};
  // The log names both ends in their order, whichever end refuses.
  Refusal refusal = refusal_by(to, decision);
  refusal.at_to = true;
  return record_refusal(request, from, act, to.path, refusal);
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
                                    .refused_at_to = refusal.at_to});
  if (!recorded) return recorded;
  return fail(refusal.error);
}

Result<> Guard::report(const Request& request, const Place& place, const Act& act, Errno error, std::string_view to,
                       std::uint64_t bytes) {
  if (level_ == audit::Level::violations) return {};
  const std::string_view executed = act.op == audit::Op::exec ? std::string_view(place.path) : std::string_view();
  const std::shared_ptr<const audit::Process> process = processes_.find(request.caller.tid, executed);
  if (!log_.wants(*process, act.op, place.hash, error != Errno{}, act.flags)) return {};
  const Decision& decision = place.decision(act.want);
  const bool is_aside = decision.verdict == Verdict::discard;
  return record({.time = now(),
                 .process = process,
                 .tid = request.caller.tid,
                 .uid = request.caller.uid,
                 .op = act.op,
                 .path = place.path,
                 .to = std::string(to),
                 .flags = act.flags,
                 .verdict = is_aside ? audit::Verdict::discard : audit::Verdict::allow,
                 .rule = is_aside ? place.ruling.policy->describe(decision.rule) : std::string(),
                 .error = static_cast<int>(error),
                 .bytes = bytes,
                 .is_directory = act.is_directory});
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
  const Result<> permitted = permit(request, at, {.op = *op, .want = reads ? Want::read : Want::write, .flags = flags});
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
