#include "policy/path_sets.h"

#include "policy/index.h"

namespace fusebox::policy {

PathSets::PathSets(const std::vector<std::vector<std::string>>& sets) {
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (const std::string& pattern : sets[i]) {
      rules.push_back({.kind = RuleKind::read, .pattern = pattern, .origin = {}});
      bit_of_rule_.push_back(std::uint64_t{1} << i);
    }
  }
  index_ = std::make_unique<const Policy::Index>(rules);
}

PathSets::~PathSets() = default;
PathSets::PathSets(PathSets&&) noexcept = default;
PathSets& PathSets::operator=(PathSets&&) noexcept = default;

std::uint64_t PathSets::at(std::string_view path) const {
  if (!is_canonical(path) || index_->broken) return ~std::uint64_t{0};
  std::uint64_t found = 0;
  Walk walk(*index_);
  const auto collect = [&] {
    for (const auto id : walk.reached()) {
      for (const RuleId rule : index_->nodes[id].rules) found |= bit_of_rule_[static_cast<std::size_t>(rule)];
    }
  };
  collect();
  for_each_component(path, [&](std::string_view name) {
    walk.step(name);
    collect();
  });
  return found;
}

}  // namespace fusebox::policy
