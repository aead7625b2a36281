// The files by which a run is steered and told of: its log, its file of dependencies, its policy. They often lie in the
// working directory, which the command may write; these it may not, or it could rewrite what is told of it, or what it
// may do the next time.
#pragma once

#include <string>

#include "fusebox/fd.h"
#include "policy/load.h"

namespace fusebox::cli {

// Adds the rule that refuses every change of the open file, quietly: `make clean` and `git add` stumble over a log too.
// `option` is what rules of that origin are called. No rule for what is no regular file with a name.
void protect(const Fd& file, std::string option, policy::LoadedPolicy& policy);

// The same for a file by its path, where it can be resolved.
void protect(const std::string& path, std::string option, policy::LoadedPolicy& policy);

}  // namespace fusebox::cli
