// What the supervisor and the process of a policy's script tell each other; one datagram each (base/helper.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fusebox/fault.h"
#include "guard/access_hook.h"
#include "policy/acting_rule.h"

namespace fusebox::hook {

// For whom else an answer holds, on the same operation and path.
enum class Scope : std::uint8_t {
  process,  // this one, until it executes another program
  program,  // all that run the same program
  all,
};

struct Asked {
  std::uint64_t number = 0;
  std::string op;
  std::string want;
  std::string path;
  std::string to;
  pid_t pid = 0;
  pid_t tid = 0;
  uid_t uid = 0;
  std::string exe;
};

std::string encode(std::uint64_t number, const guard::Question& question);
std::optional<Asked> decode_asked(std::string_view message);

// Some of policy::Want.
class Wants {
 public:
  static constexpr unsigned kAll = 7;

  Wants() = default;
  explicit constexpr Wants(unsigned bits) : bits_(static_cast<std::uint8_t>(bits & kAll)) {}

  constexpr bool holds(policy::Want want) const { return (bits_ >> std::to_underlying(want) & 1) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr unsigned bits() const { return bits_; }
  bool operator==(const Wants&) const = default;

 private:
  std::uint8_t bits_ = 0;
};

struct Answered {
  static constexpr std::chrono::milliseconds kUsuallyHolds{1000};

  std::uint64_t number = 0;
  policy::Verdict verdict = policy::Verdict::allow;  // allow: also where the script has no opinion
  bool failed = false;
  std::chrono::milliseconds holds = kUsuallyHolds;
  Scope scope = Scope::process;
  // The script did not look at the operation, and would have said the same to any that wants one of these.  None: it
  // looked.
  Wants wants{};
  bool any_path = false;  // nor did it look at the path, and would have said the same of any other
  std::string why{};      // of a failure
};

std::string encode(const Answered& answered);
std::optional<Answered> decode_answered(std::string_view message);

// By the words of a script.
std::optional<policy::Verdict> verdict_of(std::string_view word);
std::optional<Scope> scope_of(std::string_view word);

// "12\nwrite,denied\n/etc\n/usr": no word holds a line break.
policy::ScriptRule script_rule_of(std::string_view text);

// How a script begins: whether it wants to be asked, and its rules; or why it does not begin.
struct Hello {
  bool answers = false;
  std::vector<policy::ScriptRule> rules{};  // in the order of their blocks
  std::string fault{};                      // "policy.rb:3:7: syntax error"
};

std::string encode(const Hello& hello);
std::optional<Hello> decode_hello(std::string_view message);

}  // namespace fusebox::hook
