// A filter for system calls, as a value: what profiles in JSON and Ruby scripts are read into, and what programs for
// the kernel are built from.
//
// A filter sees the number of a call and its six arguments as numbers; never a path, nor anything that a pointer leads
// to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fusebox::seccomp {

// What becomes of a call, the strictest first: where several filters hold for a thread, the kernel takes the first of
// what they say (seccomp(2)).
enum class ActionKind : std::uint8_t { kill_process, kill_thread, trap, error, notify, trace, log, allow };

struct Action {
  ActionKind kind = ActionKind::kill_thread;
  std::uint16_t datum = 0;  // error: the errno, at most 4095; trace: the word that the tracer gets

  bool operator==(const Action&) const = default;
};

// True where the call goes its way with nobody to stop it.
constexpr bool lets_pass(const Action& action) { return action.kind >= ActionKind::log; }

enum class Comparison : std::uint8_t { ne, lt, le, eq, ge, gt, masked_eq };

// What an argument must be, all 64 bits of it, for a rule to hold.
struct Condition {
  unsigned argument = 0;  // 0 to 5
  Comparison comparison = Comparison::eq;
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;  // masked_eq: what `argument & value` must be; else without meaning

  bool operator==(const Condition&) const = default;
};

inline constexpr unsigned kArguments = 6;

struct Rule {
  std::vector<std::string> names;  // of system calls
  Action action;
  std::vector<Condition> conditions;  // all must hold

  bool operator==(const Rule&) const = default;
};

struct Profile {
  Action default_action;
  std::vector<std::string> architectures{};  // "SCMP_ARCH_X86_64"; none: the native one
  std::vector<std::string> flags{};          // "SECCOMP_FILTER_FLAG_LOG"
  std::string listener_path{};               // for an OCI runtime; passed on and not used here
  std::string listener_metadata{};
  std::vector<Rule> rules{};

  bool operator==(const Profile&) const = default;
};

}  // namespace fusebox::seccomp
