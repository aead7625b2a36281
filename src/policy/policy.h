// The policy: which access to which path gets which verdict, and by which rule.
//
// A pure value: no I/O, no clock, no waiting.  Same access, same rules, same verdict.  Immutable once built, so any
// thread may ask.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/control_lists.h"
#include "policy/verdict.h"

namespace fusebox::policy {

// The words of the configuration, in rising order of weight at the same place.
enum class RuleKind : std::uint8_t { read, write, discard, predict, deny, hide };
inline constexpr std::array kRuleKinds = {RuleKind::read,    RuleKind::write, RuleKind::discard,
                                          RuleKind::predict, RuleKind::deny,  RuleKind::hide};

// Where changes go that are not refused.
enum class Changes : std::uint8_t {
  as_ruled,  // to the host, but where a rule says discard
  aside,     // to the box: whatever may be read may be written there, unless a rule denies it
};

struct Rule {
  RuleKind kind;
  std::string pattern;  // absolute; may hold * (within a component) and ** (any components)
  std::string origin;   // for people: "profile default", "fusebox.toml:4:9", "--write"
  bool operator==(const Rule&) const = default;
};

using RuleId = std::int32_t;
inline constexpr RuleId kNoRule = -1;  // decided by what holds where no rule names the path

struct Decision {
  Verdict verdict = Verdict::deny;
  RuleId rule = kNoRule;
  bool operator==(const Decision&) const = default;
};

// Which of several rules counts.
enum class Order : std::uint8_t {
  specific,  // the most specific one (docs/policy-language.md)
  gentoo,    // as Gentoo's sandbox decides; patterns are plain prefixes (gentoo_order.h)
};

class Policy {
 public:
  // Patterns must be valid (see load.h, which checks them and says where they are wrong).
  explicit Policy(std::vector<Rule> rules, Changes changes = Changes::as_ruled, Order order = Order::specific);
  // What `base` says, but where an order of `lists` decides; and no order allows what `ceiling` does not.  The control
  // directory itself is always open.
  Policy(std::shared_ptr<const Policy> base, std::shared_ptr<const Policy> ceiling, ControlLists lists);
  ~Policy();
  Policy(Policy&&) noexcept;
  Policy& operator=(Policy&&) noexcept;

  // `path` is absolute, without ".", ".." or repeated slashes: "/" or "/a/b".
  Decision decide(std::string_view path, Want want) const;

  // Would each path below `from` get the same verdicts below `to`?  Asked before a directory moves.
  bool same_below(std::string_view from, std::string_view to) const;

  // Every rule that matches `path` or something above it, the most specific first.  For people; not for the hot path.
  std::vector<RuleId> matching(std::string_view path) const;

  const Rule& rule(RuleId id) const;      // id != kNoRule
  std::string describe(RuleId id) const;  // `write "/tmp" (profile default)`, or "no rule"
  const std::vector<Rule>& rules() const;
  Changes changes() const { return changes_; }

  struct Index;    // index.h; for this layer and its tests
  struct Control;  // controlled.h; the same

 private:
  std::vector<Rule> rules_;
  Changes changes_;
  Order order_;
  std::unique_ptr<const Index> index_;      // null with another order
  std::shared_ptr<const Control> control_;  // null: no lists
};

std::string_view to_string(RuleKind kind);

}  // namespace fusebox::policy
