#include "policy/path_sets.h"

#include <algorithm>

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

bool PathSets::reaches_into(std::string_view directory) const {
  if (at(directory) != 0) return true;  // so from here on no pattern ends at the root
  Walk walk(*index_);
  for_each_component(directory, [&](std::string_view name) { walk.step(name); });
  const auto ends_a_pattern = [&](Policy::Index::NodeId id) {
    const Policy::Index::Node& node = index_->nodes[id];
    return !node.rules.empty() || !index_->nodes[node.any_depth].rules.empty();
  };
  return std::ranges::any_of(walk.reached(), [&](Policy::Index::NodeId id) {
    const Policy::Index::Node& node = index_->nodes[id];
    return std::ranges::any_of(node.literals, [&](const auto& child) { return ends_a_pattern(child.second); }) ||
           std::ranges::any_of(node.globs, [&](const auto& child) { return ends_a_pattern(child.second); });
  });
}

}  // namespace fusebox::policy
