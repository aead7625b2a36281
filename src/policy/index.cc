#include "policy/index.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace fusebox::policy {
namespace {

std::uint8_t bit(RuleKind kind) { return static_cast<std::uint8_t>(1u << static_cast<unsigned>(kind)); }

}  // namespace

Policy::Index::Index(const std::vector<Rule>& rules) : nodes(1) {
  std::vector<Specificity> specificities;
  GlobIds known_globs;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto parsed = parse_pattern(rules[i].pattern);
    broken = broken || !parsed;
    const Pattern pattern = parsed ? normalised(*std::move(parsed)) : Pattern{};
    specificities.push_back(specificity(pattern));
    insert(pattern, static_cast<RuleId>(i), known_globs);
  }
  rank_rules(rules, specificities);
  settle_places(rules);
  look_down(rules);
}

RuleId Policy::Index::heavier(RuleId one, RuleId other) const {
  if (one == kNoRule) return other;
  if (other == kNoRule) return one;
  return rank[static_cast<std::size_t>(one)] >= rank[static_cast<std::size_t>(other)] ? one : other;
}

void Policy::Index::insert(const Pattern& pattern, RuleId id, GlobIds& known_globs) {
  NodeId at = kRoot;
  for (const Component& component : pattern) {
    const auto fresh = static_cast<NodeId>(nodes.size());
    NodeId child = fresh;
    switch (component.kind) {
      case Component::Kind::literal:
        child = nodes[at].literals.try_emplace(component.name, fresh).first->second;
        break;
      case Component::Kind::glob:
        child = known_globs.try_emplace({at, component.text}, fresh).first->second;
        if (child == fresh) nodes[at].globs.emplace_back(component.glob(), fresh);
        break;
      case Component::Kind::any_depth:
        if (nodes[at].any_depth == kRoot) nodes[at].any_depth = fresh;
        child = nodes[at].any_depth;
        break;
    }
    if (child == fresh) {
      Node node;
      node.parent = at;
      node.is_any_depth = component.kind == Component::Kind::any_depth;
      node.below_any_depth = node.is_any_depth || nodes[at].below_any_depth;
      nodes.push_back(std::move(node));
    }
    at = child;
  }
  nodes[at].rules.push_back(id);
}

void Policy::Index::rank_rules(const std::vector<Rule>& rules, const std::vector<Specificity>& specificities) {
  std::vector<std::size_t> order(rules.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::size_t one, std::size_t other) {
    return std::tie(specificities[one], rules[one].kind, one) <
           std::tie(specificities[other], rules[other].kind, other);
  });
  rank.resize(rules.size());
  for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<std::uint32_t>(i);
}

void Policy::Index::settle_places(const std::vector<Rule>& rules) {
  for (Node& node : nodes) {
    for (const RuleId id : node.rules) {
      const bool predicts = rules[static_cast<std::size_t>(id)].kind == RuleKind::predict;
      RuleId& best = predicts ? node.place.predict : node.place.naming;
      best = heavier(id, best);
    }
  }
}

void Policy::Index::look_down(const std::vector<Rule>& rules) {
  // A child stands behind its parent, so one pass from the back sees each node after all that hangs below it.
  for (std::size_t i = nodes.size() - 1; i > 0; --i) {
    const Node& child = nodes[i];
    Node& parent = nodes[child.parent];
    parent.kinds_below |= child.kinds_below;
    for (const RuleId id : child.rules) parent.kinds_below |= bit(rules[static_cast<std::size_t>(id)].kind);
    const RuleId named = child.place.naming;
    const bool is_open = named != kNoRule && rules[static_cast<std::size_t>(named)].kind != RuleKind::hide;
    if (parent.opens == kNoRule) parent.opens = is_open ? named : child.opens;
  }
}

Walk::Walk(const Policy::Index& index) : index_(index) {
  reached_.reserve(32);
  next_.reserve(32);
  reach(Policy::Index::kRoot);
  std::swap(reached_, next_);
  settle();
}

void Walk::step(std::string_view name) {
  if (reached_.empty()) return;
  next_.clear();
  for (const auto id : reached_) {
    const auto& node = index_.nodes[id];
    ++effort_;
    if (node.is_any_depth) next_.push_back(id);
    if (!node.literals.empty()) {
      const auto literal = node.literals.find(name);
      if (literal != node.literals.end()) reach(literal->second);
    }
    for (const auto& [glob, child] : node.globs) {
      ++effort_;
      if (glob.matches(name)) reach(child);
    }
  }
  std::swap(reached_, next_);
  if (reached_.size() > 1) {
    std::ranges::sort(reached_);
    const auto twice = std::ranges::unique(reached_);
    reached_.erase(twice.begin(), twice.end());
  }
  settle();
}

void Walk::reach(Policy::Index::NodeId id) {
  next_.push_back(id);
  const auto deep = index_.nodes[id].any_depth;
  if (deep != Policy::Index::kRoot) next_.push_back(deep);
}

void Walk::settle() {
  Place here;
  for (const auto id : reached_) {
    const Place& place = index_.nodes[id].place;
    here.naming = index_.heavier(here.naming, place.naming);
    here.predict = index_.heavier(here.predict, place.predict);
  }
  if (here.naming == kNoRule && here.predict == kNoRule) return;
  standing_.predict_wins = here.predict != kNoRule && index_.outranks(here.predict, here.naming);
  if (here.naming != kNoRule) standing_.place.naming = here.naming;
  if (here.predict != kNoRule) standing_.place.predict = here.predict;
}

RuleId Walk::opens() const {
  RuleId best = kNoRule;
  for (const auto id : reached_) {
    const auto& node = index_.nodes[id];
    if (!node.below_any_depth) best = index_.heavier(best, node.opens);
  }
  return best;
}

bool is_canonical(std::string_view path) {
  if (path.empty() || path.front() != '/') return false;
  if (path.size() == 1) return true;
  if (path.back() == '/' || path.find('\0') != std::string_view::npos) return false;
  bool canonical = true;
  for_each_component(
      path, [&](std::string_view name) { canonical = canonical && !name.empty() && name != "." && name != ".."; });
  return canonical;
}

}  // namespace fusebox::policy
