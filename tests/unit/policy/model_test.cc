// Compares the index with the definition of docs/policy-language.md written down as plainly as possible.
#include <optional>
#include <tuple>

#include "policy/pattern.h"
#include "testing.h"

namespace fusebox::policy {
namespace {

using enum RuleKind;
using Names = std::vector<std::string>;

Names split(const std::string& path) {
  Names names;
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    names.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

bool matches(const Pattern& pattern, std::size_t component, const Names& names, std::size_t name, std::size_t end) {
  if (component == pattern.size()) return name == end;
  const Component& here = pattern[component];
  if (here.kind == Component::Kind::any_depth) {
    return matches(pattern, component + 1, names, name, end) ||
           (name < end && matches(pattern, component, names, name + 1, end));
  }
  if (name == end) return false;
  const bool fits = here.kind == Component::Kind::glob ? here.glob().matches(names[name]) : here.name == names[name];
  return fits && matches(pattern, component + 1, names, name + 1, end);
}

using Weight = std::tuple<std::size_t, Specificity, RuleKind, RuleId>;

std::optional<Weight> weight(const Policy& policy, RuleId id, const Names& names) {
  const Pattern pattern = normalised(*parse_pattern(policy.rule(id).pattern));
  for (std::size_t depth = names.size() + 1; depth-- > 0;) {
    if (matches(pattern, 0, names, 0, depth)) return Weight{depth, specificity(pattern), policy.rule(id).kind, id};
  }
  return std::nullopt;
}

// The verdict and rule for reading or writing.
Decision model(const Policy& policy, const std::string& path, Want want) {
  const Names names = split(path);
  std::optional<Weight> naming;
  std::optional<Weight> predicting;
  for (RuleId id = 0; id < static_cast<RuleId>(policy.rules().size()); ++id) {
    auto& best = policy.rule(id).kind == predict ? predicting : naming;
    const auto found = weight(policy, id, names);
    if (found && (!best || *found > *best)) best = found;
  }
  const RuleId named = naming ? std::get<RuleId>(*naming) : kNoRule;
  if (naming && policy.rule(named).kind == hide) return {Verdict::hide, named};
  if (want == Want::write && predicting && (!naming || *predicting > *naming)) {
    return {Verdict::predict, std::get<RuleId>(*predicting)};
  }
  if (!naming || policy.rule(named).kind == deny) return {Verdict::deny, named};
  if (want == Want::write && policy.rule(named).kind == discard) return {Verdict::discard, named};
  const bool allowed = want == Want::read || policy.rule(named).kind == write;
  return {allowed ? Verdict::allow : Verdict::deny, named};
}

TEST(PolicyModel, TheIndexDecidesAsTheDefinitionDoes) {
  const std::vector<std::string> parts = {"/a", "/b", "/ab", "/a*", "/*b", "/*", "/**"};
  std::vector<std::string> paths = {""};
  for (std::size_t i = 0; i < 40; ++i) {
    for (const char* name : {"/a", "/b", "/ab"}) paths.push_back(paths[i] + name);
  }
  paths[0] = "/";
  std::uint32_t random = 7;
  const auto pick = [&](std::size_t limit) {
    random = random * 1664525u + 1013904223u;
    return static_cast<std::size_t>(random >> 16) % limit;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::pair<RuleKind, std::string>> written;
    for (std::size_t i = 0, count = 1 + pick(6); i < count; ++i) {
      std::string pattern = "/";
      for (std::size_t j = 0, length = pick(5); j < length; ++j) pattern += parts[pick(parts.size())];
      written.emplace_back(static_cast<RuleKind>(pick(kRuleKinds.size())), pattern);
    }
    const Policy policy = rules(written);
    for (const std::string& path : paths) {
      for (const Want want : {Want::read, Want::write}) {
        ASSERT_EQ(policy.decide(path, want), model(policy, path, want))
            << to_string(want) << " " << path << " in round " << round;
      }
    }
  }
}

}  // namespace
}  // namespace fusebox::policy
