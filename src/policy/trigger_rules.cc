#include "policy/trigger_rules.h"

#include <bit>

namespace fusebox::policy {
namespace {

std::vector<std::vector<std::string>> patterns_of(const std::vector<ActingRule>& rules) {
  std::vector<std::vector<std::string>> patterns;
  patterns.reserve(rules.size());
  for (const ActingRule& rule : rules) patterns.push_back(rule.patterns);
  return patterns;
}

}  // namespace

TriggerRules::TriggerRules(const std::vector<ActingRule>& rules) : paths_(patterns_of(rules)) {
  for (const ActingRule& rule : rules) triggers_.push_back(rule.triggers);
}

std::uint64_t TriggerRules::asking(std::uint64_t rules, TriggerSet triggers) const {
  std::uint64_t found = 0;
  for (std::uint64_t left = rules; left != 0; left &= left - 1) {
    const auto rule = static_cast<std::size_t>(std::countr_zero(left));
    if (rule < triggers_.size() && triggers_[rule].meets(triggers)) found |= std::uint64_t{1} << rule;
  }
  return found;
}

}  // namespace fusebox::policy
