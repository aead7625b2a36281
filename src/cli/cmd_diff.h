// `fusebox diff BOX`: what a box has changed.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_diff_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
