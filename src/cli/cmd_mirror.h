// `fusebox mirror`: a directory shown at another place, as it is.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_mirror_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
