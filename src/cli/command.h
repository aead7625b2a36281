// What each subcommand of `fusebox` shares.  cmd_X.h offers add_X_command(), which adds the subcommand to the parser;
// its callback runs the command and stores how it ended.
#pragma once

#include "fusebox/fault.h"

namespace fusebox::cli {

// Outlives the parser.
struct CommandResult {
  int exit_status = 0;
};

// Writes "fusebox: what: why (remedy)" to stderr; returns the exit status that goes with it.
int report(const Fault& fault);

}  // namespace fusebox::cli
