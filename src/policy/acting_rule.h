// Rules that act: what is done, outside of the box, when something has happened to a path.
//
// Pure values.  docs/hooks.md is the description for people.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fusebox::policy {

// What happened, in the words of the configuration.  An event may be several of them.
enum class Trigger : std::uint8_t {
  read,        // opened for reading, executed, listed
  write,       // any change: all that follow, but exec and denied
  create,      // a new name
  remove,      // a name gone
  rename,      // of either end
  attributes,  // mode, owner, times, extended attributes
  exec,
  denied,  // a violation, whatever was wanted
};

inline constexpr auto kTriggerWords = std::to_array<std::pair<Trigger, std::string_view>>({
    {Trigger::read, "read"},
    {Trigger::write, "write"},
    {Trigger::create, "create"},
    {Trigger::remove, "delete"},
    {Trigger::rename, "rename"},
    {Trigger::attributes, "attributes"},
    {Trigger::exec, "exec"},
    {Trigger::denied, "denied"},
});

inline constexpr auto kTriggerNames = [] {
  std::array<std::string_view, kTriggerWords.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kTriggerWords[i].second;
  return names;
}();

std::optional<Trigger> parse_trigger(std::string_view word);

// Several triggers at once, as bits.
class TriggerSet {
 public:
  constexpr TriggerSet() = default;
  constexpr TriggerSet(std::initializer_list<Trigger> triggers) {
    for (const Trigger trigger : triggers) add(trigger);
  }

  constexpr void add(Trigger trigger) { bits_ = static_cast<std::uint8_t>(bits_ | 1U << std::to_underlying(trigger)); }
  constexpr bool meets(TriggerSet other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  bool operator==(const TriggerSet&) const = default;

 private:
  std::uint8_t bits_ = 0;
};

// The words of a set, with commas between them.
std::string to_string(TriggerSet triggers);

// A rule as a script says it, nothing looked up yet.
struct ScriptRule {
  std::string line{};  // of the script
  std::vector<std::string> events{};
  std::vector<std::string> paths{};
};

struct ActingRule {
  // A box has at most so many: a set of them is a number.
  static constexpr std::size_t kMost = 64;
  static constexpr std::chrono::milliseconds kUsualTimeLimit{10'000};

  TriggerSet triggers;
  std::vector<std::string> patterns;  // absolute, as in Rule; each holds below its place too
  std::vector<std::string> run{};     // argv of a program; [0] is searched in PATH
  std::string webhook{};              // or a URL
  std::optional<int> block{};         // or a block of the policy's script
  std::chrono::milliseconds time_limit = kUsualTimeLimit;
  std::string origin{};  // "fusebox.toml:9:1"

  // `on write "/etc/**" (fusebox.toml:9:1)`
  std::string describe() const;
  // `run ["logger", "-t", "box"]`, `webhook "http://..."`, `a block`
  std::string deed() const;
};

}  // namespace fusebox::policy
