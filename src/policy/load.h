// From configuration to Policy: profiles, a policy file and flags, stacked in that order.
//
// All that is known of the outside comes in by Sources; the one thing that looks at the disk is read_policy_file().
// Any thread.  Every fault names file:line:column, or the flag.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fusebox/fault.h"
#include "policy/acting_rule.h"
#include "policy/expand.h"
#include "policy/hook_rule.h"
#include "policy/policy.h"
#include "policy/policy_file.h"

namespace fusebox::policy {

// The path without symlinks in it, as realpath(3) gives it; nullopt where it does not exist.
using Resolver = std::function<std::optional<std::string>(const std::string& path)>;

struct SourceFile {
  std::string name;  // as messages call it
  std::string text;
};

// A rule from the command line.  A relative path counts from the working directory; "../" at its head is allowed.
struct FlagRule {
  RuleKind kind{};
  std::string text;
  std::string origin;  // "--write"
};

struct Sources {
  std::vector<std::string> profiles;  // none, and no `include` in the file: "default"
  std::optional<SourceFile> file;
  std::vector<FlagRule> flags;
  Variables variables;    // ${PWD} among them
  std::string directory;  // the working directory: absolute, without symlinks
  Resolver resolve;       // empty: rules hold for their literal path only
  Changes changes = Changes::as_ruled;
};

struct LoadedPolicy {
  Policy policy;
  std::optional<std::string> audit_log;  // as written, variables expanded
  std::optional<Network> network;        // what the last source that speaks of it says
  std::vector<ActingRule> acting{};      // of the policy file
  std::optional<HookRule> hook{};
  std::optional<std::chrono::milliseconds> wait_at_end{};  // for what acts, once the command has ended
  std::vector<std::string> profiles;                       // in effect, in order
  std::size_t file_rules = 0;         // how many stand in the policy file, those that act among them
  std::vector<std::string> left_out;  // rules of profiles that do not apply here, and why; one sentence each
};

Outcome<LoadedPolicy> load(const Sources& sources);

// The rules of a script, with the paths that its blocks are for; the first is the block 0.  Of the sources, the
// variables and the resolver count.
Outcome<std::vector<ActingRule>> load_script_rules(const std::vector<ScriptRule>& rules, const std::string& script,
                                                   const Sources& sources);

// Refuses what is no regular file, and more than 8 MiB.
Outcome<SourceFile> read_policy_file(const std::string& path);

}  // namespace fusebox::policy
