// The rules as a tree of components, so that a decision costs the depth of the path and not the number of rules.
//
// Immutable once built; any thread may walk.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "policy/pattern.h"
#include "policy/policy.h"

namespace fusebox::policy {

// The rules that decide at one place.  `predict` stands apart because it speaks on writing only.
struct Place {
  RuleId naming = kNoRule;   // the most specific of read, write, deny, hide
  RuleId predict = kNoRule;  // the most specific predict
};

struct Policy::Index {
  using NodeId = std::uint32_t;
  static constexpr NodeId kRoot = 0;

  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
  };

  struct Node {
    std::unordered_map<std::string, NodeId, Hash, std::equal_to<>> literals;
    std::vector<std::pair<Glob, NodeId>> globs;
    NodeId any_depth = kRoot;  // kRoot: none
    NodeId parent = kRoot;
    bool is_any_depth = false;
    bool below_any_depth = false;  // or is_any_depth itself
    std::vector<RuleId> rules;     // that end here
    Place place;                   // what they come to
    std::uint8_t kinds_below = 0;  // a bit for each RuleKind that ends further down
    RuleId opens = kNoRule;        // a rule further down that is not hidden: the way to it must be seen
  };

  explicit Index(const std::vector<Rule>& rules);

  // The more specific of two rules that match at the same place; kNoRule loses.
  RuleId heavier(RuleId one, RuleId other) const;
  bool outranks(RuleId one, RuleId other) const { return heavier(one, other) == one; }

  std::vector<Node> nodes;
  std::vector<std::uint32_t> rank;  // of each rule: a total order
  bool broken = false;              // a pattern that is none: nothing is allowed

 private:
  using GlobIds = std::map<std::pair<NodeId, std::string>, NodeId>;  // by parent and text; needed to build only

  void insert(const Pattern& pattern, RuleId id, GlobIds& known_globs);
  void rank_rules(const std::vector<Rule>& rules, const std::vector<Specificity>& specificities);
  void settle_places(const std::vector<Rule>& rules);
  void look_down(const std::vector<Rule>& rules);
};

// What holds after the components of a path so far.
struct Standing {
  Place place;
  bool predict_wins = false;  // over place.naming
};

// Follows a path through the index.  Allocates only where more than some dozens of globs match at once.
class Walk {
 public:
  explicit Walk(const Policy::Index& index);
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  void step(std::string_view name);

  const Standing& standing() const { return standing_; }

  // The nodes reached, in rising order, each once.
  const std::pmr::vector<Policy::Index::NodeId>& reached() const { return reached_; }

  // A rule that is not hidden to which the path leads, or kNoRule.
  RuleId opens() const;

  // How many nodes and globs were looked at: what the walk costs, for tests.
  std::size_t effort() const { return effort_; }

 private:
  void reach(Policy::Index::NodeId id);
  void settle();

  const Policy::Index& index_;
  alignas(std::max_align_t) char memory_[1024];
  std::pmr::monotonic_buffer_resource resource_{memory_, sizeof memory_};
  std::pmr::vector<Policy::Index::NodeId> reached_{&resource_};
  std::pmr::vector<Policy::Index::NodeId> next_{&resource_};
  Standing standing_;
  std::size_t effort_ = 0;
};

// Is `path` absolute, without ".", "..", empty components, NUL, or a slash at the end?
bool is_canonical(std::string_view path);

// Calls `visit` with each component of a canonical path.
template <class Visit>
void for_each_component(std::string_view path, Visit visit) {
  path.remove_prefix(1);
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    visit(name);
    path.remove_prefix(std::min(path.size(), name.size() + 1));
  }
}

}  // namespace fusebox::policy
