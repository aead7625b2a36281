// What the readers of a policy file's tables have in common: values of TOML with their places, and faults that say
// them.
#pragma once

#include <toml++/toml.h>

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_file.h"

namespace fusebox::policy {

Position position(const toml::source_region& region);

class TomlValues {
 public:
  // `file`: as faults call it.
  explicit TomlValues(std::string file) : file_(std::move(file)) {}

  std::unexpected<Fault> fault(Position at, std::string why, std::string remedy) const;
  // `where`: "" or " in [files]".
  std::unexpected<Fault> unknown(const toml::key& key, const std::string& where,
                                 std::span<const std::string_view> known) const;

  // An array of strings.
  Outcome<std::vector<Placed>> strings(const std::string& word, const toml::node& node,
                                       const std::string& example) const;
  // The same, or a string alone; never none.
  Outcome<std::vector<Placed>> one_or_more(const std::string& word, const toml::node& node,
                                           const std::string& example) const;
  // Not empty, without NUL.
  Outcome<Placed> text(const std::string& word, const toml::node& node, const std::string& what,
                       const std::string& example) const;
  Outcome<std::chrono::milliseconds> duration(const std::string& word, const toml::node& node) const;

 private:
  std::string file_;
};

// [[on]], an array of tables.
Outcome<std::vector<FileActingRule>> read_acting_rules(const TomlValues& values, const toml::node& node);

// [hook]
Outcome<FileHook> read_hook(const TomlValues& values, const toml::node& node);

}  // namespace fusebox::policy
