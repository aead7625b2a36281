#include "policy/gentoo_order.h"

#include <algorithm>
#include <string>

namespace fusebox::policy {
namespace {

// Nobody in a sandbox writes to the logs of sandboxes: a plain prefix, not bound to components.
constexpr std::string_view kLogs = "/var/log/sandbox";

RuleId first_match(const std::vector<Rule>& rules, RuleKind kind, std::string_view path) {
  const auto found = std::ranges::find_if(
      rules, [&](const Rule& rule) { return rule.kind == kind && prefix_matches(rule.pattern, path); });
  return found == rules.end() ? kNoRule : static_cast<RuleId>(found - rules.begin());
}

Decision decide_write(const std::vector<Rule>& rules, std::string_view path) {
  if (path.starts_with(kLogs)) return {Verdict::deny, kNoRule};
  if (const RuleId rule = first_match(rules, RuleKind::write, path); rule != kNoRule) return {Verdict::allow, rule};
  if (const RuleId rule = first_match(rules, RuleKind::predict, path); rule != kNoRule) {
    return {Verdict::predict, rule};
  }
  return {Verdict::deny, kNoRule};
}

std::string joined(std::string_view directory, std::string_view below) {
  std::string path(directory == "/" ? "" : directory);
  return path += below;
}

}  // namespace

bool prefix_matches(std::string_view prefix, std::string_view path) {
  if (prefix.empty() || !path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

Decision decide_as_gentoo(const std::vector<Rule>& rules, std::string_view path, Want want) {
  if (want == Want::stat) return {Verdict::allow, kNoRule};
  if (const RuleId rule = first_match(rules, RuleKind::deny, path); rule != kNoRule) return {Verdict::deny, rule};
  if (want == Want::write) return decide_write(rules, path);
  const RuleId rule = first_match(rules, RuleKind::read, path);
  return {rule == kNoRule ? Verdict::deny : Verdict::allow, rule};
}

bool same_below_as_gentoo(const std::vector<Rule>& rules, std::string_view from, std::string_view to) {
  const auto same = [&](std::string_view below) {
    const std::string here = joined(from, below);
    const std::string there = joined(to, below);
    return std::ranges::all_of(std::initializer_list<Want>{Want::read, Want::write}, [&](Want want) {
      return decide_as_gentoo(rules, here, want).verdict == decide_as_gentoo(rules, there, want).verdict;
    });
  };
  // What holds at the top holds below, but where a rule ends further down.  (A prefix with a slash at its end speaks of
  // what is in it.)
  const auto same_at_rules_below = [&](std::string_view top) {
    return std::ranges::all_of(rules, [&](const Rule& rule) {
      const std::string_view prefix = rule.pattern;
      if (!prefix_matches(top, prefix)) return true;
      std::string below(prefix.substr(top == "/" ? 0 : top.size()));
      if (below.ends_with('/')) below += "x";
      return same(below);
    });
  };
  return same("") && same("/x") && same_at_rules_below(from) && same_at_rules_below(to);
}

}  // namespace fusebox::policy
