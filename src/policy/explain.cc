#include "policy/explain.h"

#include <algorithm>

#include "policy/index.h"

namespace fusebox::policy {
namespace {

std::string reason_without_rule(Want want, bool canonical) {
  if (!canonical) return "not an absolute path without '.', '..' and repeated slashes";
  return want == Want::stat ? "no rule names it; what no rule names may be looked at"
                            : "no rule names it; what no rule names may not be read or written";
}

std::string reason(Decision decision, RuleKind kind, Want want) {
  if (decision.verdict == Verdict::discard) return "it may be written, and the change is kept in the box";
  switch (kind) {
    case RuleKind::read:
      if (want == Want::write) return "what may be read may not therefore be written";
      return want == Want::read ? "it may be read" : "it is not hidden";
    case RuleKind::write:
    case RuleKind::discard:
      return want == Want::stat ? "it is not hidden" : "it may be read and written";
    case RuleKind::predict:
      return "writing is refused quietly";
    case RuleKind::deny:
      return decision.verdict == Verdict::allow ? "it is not hidden" : "it is refused";
    case RuleKind::hide:
      return "it is hidden";
  }
  return {};
}

std::string part_of_silent(RuleKind kind, Want want, bool hidden) {
  if (kind != RuleKind::predict) return "less specific";
  if (want == Want::write) return hidden ? "does not open what is hidden" : "less specific";
  return want == Want::read ? "says nothing on reading" : "says nothing on looking";
}

}  // namespace

Explanation explain(const Policy& policy, std::string_view path, Want want) {
  Explanation result;
  result.decision = policy.decide(path, want);
  const RuleId decisive = result.decision.rule;
  const std::vector<RuleId> matching = policy.matching(path);
  const bool hidden = policy.decide(path, Want::read).verdict == Verdict::hide;
  const bool is_way = decisive != kNoRule && std::ranges::find(matching, decisive) == matching.end();
  if (decisive == kNoRule) {
    result.reason = reason_without_rule(want, is_canonical(path));
  } else if (is_way) {
    result.reason = "it is hidden, but lies on the way to what a more specific rule names";
  } else {
    result.reason = reason(result.decision, policy.rule(decisive).kind, want);
  }
  if (is_way) result.considered.push_back({decisive, "decides: lies further down"});
  for (const RuleId id : matching) {
    const RuleKind kind = policy.rule(id).kind;
    result.considered.push_back({id, id == decisive ? "decides" : part_of_silent(kind, want, hidden)});
  }
  return result;
}

}  // namespace fusebox::policy
