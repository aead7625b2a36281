// `fusebox run`: a command in a box.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_run_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
