// The options of `fusebox run`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/policy_options.h"
#include "cli/serving_options.h"

namespace fusebox::cli {

struct RunOptions {
  PolicyOptions policy;
  ServingOptions serving;
  std::string box;                   // its name; empty: one for this run alone
  std::string log;                   // empty: what the policy file says, else none
  std::string audit = "files";       // violations | files | all | io
  std::string deps;                  // empty: none
  std::vector<std::string> scripts;  // MOUNTPOINT=FILE.rb
  std::string seccomp;               // a profile or a script; empty: none
  std::string network;               // none | host; empty: what the policy says, else host
  std::string violations = "fail";   // fail | report
  bool map_root = false;
  bool device_nodes = false;  // may be made; with policy.cow only
  bool quiet = false;
  bool statistics = false;
  std::vector<std::string> command;
};

// `options` outlives the parser.  The command and its arguments are whatever follows the options.
void add_run_options(CLI::App& command, RunOptions& options);

}  // namespace fusebox::cli
