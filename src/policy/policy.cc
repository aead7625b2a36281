#include "policy/policy.h"

#include "fusebox/fault.h"
#include "policy/controlled.h"
#include "policy/gentoo_order.h"
#include "policy/index.h"

namespace fusebox::policy {
namespace {

// What the three wants come to below a place, as long as no further rule speaks.
struct Verdicts {
  Verdict read = Verdict::deny;
  Verdict write = Verdict::deny;
  bool hidden = false;
  bool operator==(const Verdicts&) const = default;
};

Verdicts apply(RuleKind kind, Verdicts before) {
  switch (kind) {
    case RuleKind::read:
      return {.read = Verdict::allow, .write = Verdict::deny};
    case RuleKind::write:
      return {.read = Verdict::allow, .write = Verdict::allow};
    case RuleKind::discard:
      return {.read = Verdict::allow, .write = Verdict::discard};
    case RuleKind::deny:
      return {};
    case RuleKind::hide:
      return {.read = Verdict::hide, .write = Verdict::hide, .hidden = true};
    case RuleKind::predict:
      if (!before.hidden) before.write = Verdict::predict;
      return before;
  }
  return {.read = Verdict::deny, .write = Verdict::deny, .hidden = false};
}

// Nothing that is kept aside does harm; but a file that may not be read must not be copied to where it may.
Verdicts placed(Verdicts held, Changes changes) {
  if (changes == Changes::aside && held.read == Verdict::allow) held.write = Verdict::discard;
  return held;
}

Verdicts verdicts(const std::vector<Rule>& rules, Changes changes, const Standing& standing) {
  Verdicts result;
  if (standing.place.naming != kNoRule) {
    result = apply(rules[static_cast<std::size_t>(standing.place.naming)].kind, result);
  }
  return placed(standing.predict_wins ? apply(RuleKind::predict, result) : result, changes);
}

// True where none of the kinds, named further down, changes what holds already.
bool is_settled(std::uint8_t kinds_below, Changes changes, const Verdicts& held) {
  for (const RuleKind kind : kRuleKinds) {
    const bool occurs = (kinds_below >> static_cast<unsigned>(kind)) & 1u;
    if (occurs && placed(apply(kind, held), changes) != held) return false;
  }
  return true;
}

}  // namespace

Policy::Policy(std::vector<Rule> rules, Changes changes, Order order)
    : rules_(std::move(rules)),
      changes_(changes),
      order_(order),
      index_(order == Order::specific ? std::make_unique<const Index>(rules_) : nullptr) {}
Policy::Policy(std::shared_ptr<const Policy> base, std::shared_ptr<const Policy> ceiling, ControlLists lists)
    : changes_(base->changes_),
      order_(base->order_),
      control_(std::make_shared<const Control>(std::move(base), std::move(ceiling), std::move(lists))) {
  rules_ = control_->all_rules();
}
Policy::~Policy() = default;
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(Policy&&) noexcept = default;

Decision Policy::decide(std::string_view path, Want want) const {
  if (!is_canonical(path)) return {};
  if (control_ != nullptr) return control_->decide(path, want);
  if (order_ == Order::gentoo) return decide_as_gentoo(rules_, path, want);
  if (index_->broken) return {};
  Walk walk(*index_);
  for_each_component(path, [&](std::string_view name) { walk.step(name); });
  const Standing& standing = walk.standing();
  const Verdicts held = verdicts(rules_, changes_, standing);
  const RuleId naming = standing.place.naming;
  switch (want) {
    case Want::stat: {
      if (!held.hidden) return {Verdict::allow, naming};
      const RuleId opened_by = walk.opens();
      return opened_by == kNoRule ? Decision{Verdict::hide, naming} : Decision{Verdict::allow, opened_by};
    }
    case Want::read:
      return {held.read, naming};
    case Want::write:
      return {held.write, held.write == Verdict::predict ? standing.place.predict : naming};
  }
  return {};
}

bool Policy::same_below(std::string_view from, std::string_view to) const {
  if (!is_canonical(from) || !is_canonical(to)) return false;
  if (control_ != nullptr) return control_->same_below(from, to);
  if (order_ == Order::gentoo) return same_below_as_gentoo(rules_, from, to);
  if (index_->broken) return false;
  Walk here(*index_);
  Walk there(*index_);
  for_each_component(from, [&](std::string_view name) { here.step(name); });
  for_each_component(to, [&](std::string_view name) { there.step(name); });
  const Verdicts held = verdicts(rules_, changes_, here.standing());
  if (held != verdicts(rules_, changes_, there.standing())) return false;

  std::uint8_t kinds = 0;
  const auto still_speaking = [&](const Walk& walk) {
    std::vector<Index::NodeId> nodes;
    for (const auto id : walk.reached()) {
      const std::uint8_t kinds_below = index_->nodes[id].kinds_below;
      if (kinds_below != 0) nodes.push_back(id);
      kinds |= kinds_below;
    }
    return nodes;
  };
  return still_speaking(here) == still_speaking(there) || is_settled(kinds, changes_, held);
}

std::vector<RuleId> Policy::matching(std::string_view path) const {
  std::vector<RuleId> found;
  if (!is_canonical(path)) return found;
  if (control_ != nullptr) return control_->base->matching(path);
  if (order_ == Order::gentoo) {
    for (std::size_t id = 0; id < rules_.size(); ++id) {
      if (prefix_matches(rules_[id].pattern, path)) found.push_back(static_cast<RuleId>(id));
    }
    return found;
  }
  if (index_->broken) return found;
  Walk walk(*index_);
  // Deeper places go in front; a rule that matches at several places counts at the deepest.
  const auto collect = [&] {
    std::vector<RuleId> here;
    for (const auto id : walk.reached()) {
      const auto& rules = index_->nodes[id].rules;
      here.insert(here.end(), rules.begin(), rules.end());
    }
    std::ranges::sort(here, [&](RuleId one, RuleId other) { return one != other && index_->outranks(one, other); });
    std::erase_if(found, [&](RuleId id) { return std::ranges::find(here, id) != here.end(); });
    found.insert(found.begin(), here.begin(), here.end());
  };
  collect();
  for_each_component(path, [&](std::string_view name) {
    walk.step(name);
    collect();
  });
  return found;
}

const Rule& Policy::rule(RuleId id) const { return rules_.at(static_cast<std::size_t>(id)); }

std::string Policy::describe(RuleId id) const {
  if (id == kNoRule) return "no rule";
  const Rule& named = rule(id);
  return std::string(to_string(named.kind)) + " \"" + printable(named.pattern) + "\" (" + printable(named.origin) + ")";
}

const std::vector<Rule>& Policy::rules() const { return rules_; }

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::allow:
      return "allow";
    case Verdict::deny:
      return "deny";
    case Verdict::predict:
      return "predict";
    case Verdict::hide:
      return "hide";
    case Verdict::discard:
      return "discard";
  }
  return "deny";
}

std::string_view to_string(RuleKind kind) {
  switch (kind) {
    case RuleKind::read:
      return "read";
    case RuleKind::write:
      return "write";
    case RuleKind::discard:
      return "discard";
    case RuleKind::predict:
      return "predict";
    case RuleKind::deny:
      return "deny";
    case RuleKind::hide:
      return "hide";
  }
  return "deny";
}

std::string_view to_string(Want want) {
  switch (want) {
    case Want::stat:
      return "stat";
    case Want::read:
      return "read";
    case Want::write:
      return "write";
  }
  return "write";
}

}  // namespace fusebox::policy
