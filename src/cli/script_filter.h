// The Ruby half of `fusebox seccomp`.
#pragma once

#include <string>
#include <vector>

#include "fusebox/fault.h"
#include "seccomp/profile.h"

namespace fusebox::cli {

// Runs a script with the Seccomp API, here and now; returns its exit status.
Outcome<int> run_filter_script(const std::string& file, const std::vector<std::string>& arguments);

// The filter that a script would load, without loading it: the script runs in a process of its own, in which the first
// `load` ends it, and what it forks before that is done in place.  Where it loads none, the last one that it made.
Outcome<seccomp::Profile> profile_of_script(const std::string& file, const std::vector<std::string>& arguments);

}  // namespace fusebox::cli
