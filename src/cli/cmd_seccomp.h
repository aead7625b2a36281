// `fusebox seccomp`: filters for system calls, as scripts and as profiles.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_seccomp_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
