// A command held to a profile, without a box.
#pragma once

#include <string>
#include <vector>

#include "fusebox/fault.h"

namespace fusebox::cli {

// Becomes the command: `words` are the profile's file, the command, its arguments.  Comes back where that fails, with
// ExitCode 126 or 127 as env(1).
Fault run_under_profile(const std::vector<std::string>& words);

}  // namespace fusebox::cli
