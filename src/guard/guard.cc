#include "guard/guard.h"

#include <ctime>
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

Place::Place(std::string where, const policy::Policy& policy, std::uint64_t made_in)
    : path(std::move(where)),
      hash(keyed_hash(path)),
      epoch(made_in),
      decisions{policy.decide(path, Want::stat), policy.decide(path, Want::read), policy.decide(path, Want::write)} {}

Guard::Guard(const policy::Policy& policy, audit::Log& log, audit::ProcessTable& processes, Destinations* destinations)
    : policy_(policy), log_(log), processes_(processes), destinations_(destinations), level_(log.level()) {}

Ref<Node> Guard::used_at(const Place& place, const Ref<Node>& node) const {
  const bool is_aside = place.decision(Want::write).verdict == Verdict::discard;
  return destinations_ == nullptr || is_aside ? node : destinations_->in_place(node);
}

std::mutex& Guard::mutex_for(const void* node) const {
  return mutexes_[(reinterpret_cast<std::uintptr_t>(node) >> 6) % kMutexes];
}

// What a verdict other than allow means to the caller and to the log.
Guard::Refusal Guard::refusal_by(const Decision& decision) const {
  std::string rule = policy_.describe(decision.rule);
  if (decision.verdict == Verdict::predict) return {audit::Verdict::predict, Errno::access, std::move(rule)};
  if (decision.verdict == Verdict::hide) return {audit::Verdict::hide, Errno::no_entry, std::move(rule)};
  return {audit::Verdict::deny, Errno::access, std::move(rule)};
}

Result<> Guard::permit(const Request& request, const Place& place, const Act& act, std::string_view to) {
  if (log_broken_.load(std::memory_order_relaxed)) return fail(Errno::io);
  const Decision& decision = place.decision(act.want);
  if (is_permitted(decision)) return {};
  return record_refusal(request, place, act, to, refusal_by(decision));
}

Result<> Guard::permit_both(const Request& request, const Place& from, const Place& to, const Act& act) {
  const Result<> first = permit(request, from, act, to.path);
  if (!first) return first;
  const Decision& decision = to.decision(act.want);
  if (is_permitted(decision)) return {};
  // The log names both ends in their order, whichever end refuses.
  return record_refusal(request, from, act, to.path, refusal_by(decision));
}

Result<> Guard::refuse(const Request& request, const Place& from, const Place& to, const Act& act, std::string reason) {
  return record_refusal(request, from, act, to.path, {audit::Verdict::deny, Errno::access, std::move(reason)});
}

Result<> Guard::record_refusal(const Request& request, const Place& place, const Act& act, std::string_view to,
                               const Refusal& refusal) {
  const std::shared_ptr<const audit::Process> process = processes_.find(request.caller.tid);
  const bool violation = refusal.outcome == audit::Verdict::deny;
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
                                    .is_directory = act.is_directory});
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
                 .rule = is_aside ? policy_.describe(decision.rule) : std::string(),
                 .error = static_cast<int>(error),
                 .bytes = bytes,
                 .is_directory = act.is_directory});
}

Result<> Guard::record(audit::Event event) {
  const Result<> recorded = log_.record(std::move(event));
  if (!recorded) log_broken_.store(true, std::memory_order_relaxed);
  if (!recorded) return fail(Errno::io);
  return {};
}

}  // namespace fusebox::guard
