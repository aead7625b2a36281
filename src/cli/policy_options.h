// The options by which a policy is chosen, the same for `fusebox run` and `fusebox policy`.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/fault.h"
#include "policy/load.h"

namespace fusebox::cli {

struct PolicyOptions {
  std::vector<std::string> profiles;
  std::string file;  // empty: none
  std::vector<std::string> read;
  std::vector<std::string> write;
  std::vector<std::string> discard;
  std::vector<std::string> predict;
  std::vector<std::string> deny;
  std::vector<std::string> hide;
  bool cow = false;  // every change is kept aside
};

// Adds --profile, --policy, --read, --write, --discard, --predict, --deny, --hide, --cow.  `options` outlives the
// parser.
void add_policy_options(CLI::App& app, PolicyOptions& options);

// Where the process stands, without symlinks.
Outcome<std::string> working_directory();

// Whether a box that is started in `directory` sees the host's /tmp, because a /tmp of its own would cover that up.
bool shares_host_tmp(std::string_view directory);

// The environment as a policy sees it: ${PWD} is `directory`; HOME and USER come from the user database and TMPDIR is
// /tmp where the environment does not say.  ${FUSEBOX_HOST_TMP} is /tmp where shares_host_tmp(), else unset.
policy::Variables environment_variables(const std::string& directory);

// For one look at this process's paths: see RealPaths.
policy::Resolver path_resolver();

Outcome<policy::LoadedPolicy> load_policy(const PolicyOptions& options, policy::Variables variables,
                                          std::string directory, policy::Resolver resolve);

// As above, with what this process sees around it.
Outcome<policy::LoadedPolicy> load_policy(const PolicyOptions& options);

}  // namespace fusebox::cli
