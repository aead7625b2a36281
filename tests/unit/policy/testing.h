// Short ways to write down a policy and ask it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/load.h"
#include "policy/policy.h"

namespace fusebox::policy {

inline Policy rules(std::vector<std::pair<RuleKind, std::string>> written) {
  std::vector<Rule> list;
  for (auto& [kind, pattern] : written) list.push_back({kind, std::move(pattern), "test"});
  return Policy(std::move(list));
}

inline std::string verdict(const Policy& policy, std::string_view path, Want want) {
  return std::string(to_string(policy.decide(path, want).verdict));
}

// All three verdicts: "allow allow deny".
inline std::string verdicts(const Policy& policy, std::string_view path) {
  return verdict(policy, path, Want::stat) + " " + verdict(policy, path, Want::read) + " " +
         verdict(policy, path, Want::write);
}

// A user ada in her project, and no symlinks.
inline Sources sources_of(std::string file_text) {
  Sources sources;
  sources.file = SourceFile{"fusebox.toml", std::move(file_text)};
  sources.variables = {{"PWD", "/home/ada/project"}, {"HOME", "/home/ada"}, {"TMPDIR", "/tmp"}, {"USER", "ada"}};
  sources.directory = "/home/ada/project";
  return sources;
}

inline Sources profile(const std::string& name) {
  Sources sources = sources_of("");
  sources.file.reset();
  sources.profiles = {name};
  return sources;
}

inline std::string fault_of(const Sources& sources) {
  const auto loaded = load(sources);
  return loaded ? "no fault" : loaded.error().line();
}

inline std::string fault_of(std::string file_text) { return fault_of(sources_of(std::move(file_text))); }

inline LoadedPolicy loaded(const Sources& sources) {
  auto result = load(sources);
  EXPECT_TRUE(result) << (result ? "" : result.error().line());
  if (!result) return {.policy = Policy({}), .audit_log = {}, .network = {}, .profiles = {}, .left_out = {}};
  return *std::move(result);
}

}  // namespace fusebox::policy
