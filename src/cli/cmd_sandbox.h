// Fusebox under the name `sandbox`: what Portage starts in place of Gentoo's sandbox.
#pragma once

namespace fusebox::cli {

// Was this program executed under that name?  argv[0] does not tell: Portage shows the package's name there.
bool is_executed_as(const char* name);

// Its main(): the exit status.  First thing, but for the standard descriptors.
int run_as_sandbox(int argc, char** argv);

}  // namespace fusebox::cli
