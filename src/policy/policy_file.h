// A policy file's text as a value: what it says and where, nothing looked up yet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/fault.h"
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

struct PolicyFile {
  std::optional<std::vector<Placed>> include;  // absent: not said; empty: none wanted
  std::vector<FileRule> rules;                 // as they stand in the file, from top to bottom
  std::optional<Placed> audit_log;
  std::optional<Network> network;
};

// `name` is what the Fault calls the file.  Any bytes may be given; the Fault says file:line:column.
Outcome<PolicyFile> parse_policy_file(std::string_view text, const std::string& name);

}  // namespace fusebox::policy
