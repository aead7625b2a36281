// What the supervisor and the process of a policy's script tell each other; one datagram each (base/helper.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
  std::string pid;
  std::string tid;
  std::string uid;
  std::string exe;
};

std::string encode(std::uint64_t number, const guard::Question& question);
std::optional<Asked> decode_asked(std::string_view message);

struct Answered {
  static constexpr std::chrono::milliseconds kUsuallyHolds{1000};

  std::uint64_t number = 0;
  policy::Verdict verdict = policy::Verdict::allow;  // allow: also where the script has no opinion
  bool failed = false;
  std::chrono::milliseconds holds = kUsuallyHolds;
  Scope scope = Scope::process;
  std::string why{};  // of a failure
};

std::string encode(const Answered& answered);

// "deny 1000 process": what the script's own side says.
std::optional<Answered> answered_by(std::uint64_t number, std::string_view text);
std::optional<Answered> decode_answered(std::string_view message);

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
