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

namespace fusebox::policy {

// What an access wants to do to one path.
enum class Want : std::uint8_t {
  stat,   // learn that it exists, and its attributes; follow it if it is a symlink; walk through it
  read,   // open for reading, execute, list, read extended attributes
  write,  // anything that changes the file or the directory entry of that name
};

enum class Verdict : std::uint8_t {
  allow,
  deny,     // EACCES, and a violation
  predict,  // EACCES, no violation
  hide,     // ENOENT, not listed
  discard,  // it happens, but in the box only
};

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
};

using RuleId = std::int32_t;
inline constexpr RuleId kNoRule = -1;  // decided by what holds where no rule names the path

struct Decision {
  Verdict verdict = Verdict::deny;
  RuleId rule = kNoRule;
  bool operator==(const Decision&) const = default;
};

class Policy {
 public:
  // Patterns must be valid (see load.h, which checks them and says where they are wrong).
  explicit Policy(std::vector<Rule> rules, Changes changes = Changes::as_ruled);
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

  struct Index;  // index.h; for this layer and its tests

 private:
  std::vector<Rule> rules_;
  Changes changes_;
  std::unique_ptr<const Index> index_;
};

std::string_view to_string(Verdict verdict);
std::string_view to_string(RuleKind kind);
std::string_view to_string(Want want);

}  // namespace fusebox::policy
