// The environment in which Gentoo's sandbox starts a program.
#pragma once

#include <string>

#include "fusebox/fault.h"
#include "gentoo/configuration.h"
#include "gentoo/settings.h"

namespace fusebox::cli {

// Files that are installed beside the program; empty where they are not.
struct SandboxFiles {
  std::string reporter;  // libfusebox-reporter.so
  std::string bash_rc;
};
SandboxFiles find_sandbox_files();

// The variables of this process.
gentoo::Environment own_environment();

struct SandboxStart {
  gentoo::Environment environment;
  gentoo::Settings settings;
  std::string log;        // absolute
  std::string debug_log;  // absolute; empty: not asked for
  bool verbose = true;
  bool in_colour = false;
};

// `directory`: where it is started.  `interactive`: a shell for a person.
SandboxStart prepare_sandbox(gentoo::Environment environment, const gentoo::Configuration& configuration,
                             const SandboxFiles& files, const std::string& directory, bool interactive);

// Makes them this process's own, which the box inherits.
void replace_own_environment(const gentoo::Environment& environment);

}  // namespace fusebox::cli
