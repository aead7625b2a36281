// Which of the rules that act are concerned by what happens to a path.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "policy/acting_rule.h"
#include "policy/path_sets.h"

namespace fusebox::policy {

// Rules are bits, by their place in the list.  Immutable: any thread may ask.
class TriggerRules {
 public:
  explicit TriggerRules(const std::vector<ActingRule>& rules);

  // Those that name the path, whatever happens to it.
  std::uint64_t at(std::string_view path) const { return triggers_.empty() ? 0 : paths_.at(path); }

  // Those among `rules` that ask for one of `triggers`.
  std::uint64_t asking(std::uint64_t rules, TriggerSet triggers) const;

 private:
  PathSets paths_;
  std::vector<TriggerSet> triggers_;
};

}  // namespace fusebox::policy
