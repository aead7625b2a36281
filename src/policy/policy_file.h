// A policy file's text as a value: what it says and where, nothing looked up yet.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/fault.h"
#include "policy/acting_rule.h"
#include "policy/policy.h"

namespace fusebox::policy {

// Both count from 1; columns in characters.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  auto operator<=>(const Position&) const = default;
};

// "fusebox.toml:4:9"
std::string place(std::string_view file, Position at);

// A text as written: variables not expanded, patterns not parsed.
struct FileRule {
  RuleKind kind{};
  std::string text;
  Position at;
};

struct Placed {
  std::string text;
  Position at;
};

enum class Network : std::uint8_t { host, none };

// [[on]]
struct FileActingRule {
  Position at;
  TriggerSet triggers;
  std::vector<Placed> paths;
  std::vector<Placed> run;
  std::optional<Placed> webhook;
  std::chrono::milliseconds time_limit = ActingRule::kUsualTimeLimit;
};

// [hook]
struct FileHook {
  static constexpr std::chrono::milliseconds kUsualTimeLimit{1000};

  Placed script;
  Position at;
  std::vector<Placed> paths{};
  std::chrono::milliseconds time_limit = kUsualTimeLimit;
  bool looks = true;
};

struct PolicyFile {
  std::optional<std::vector<Placed>> include;  // absent: not said; empty: none wanted
  std::vector<FileRule> rules;                 // as they stand in the file, from top to bottom
  std::optional<Placed> audit_log;
  std::optional<Network> network;
  std::vector<FileActingRule> acting;
  std::optional<FileHook> hook;
  std::optional<std::chrono::milliseconds> wait_at_end;  // [actions]
};

// `name` is what the Fault calls the file.  Any bytes may be given; the Fault says file:line:column.
Outcome<PolicyFile> parse_policy_file(std::string_view text, const std::string& name);

}  // namespace fusebox::policy
