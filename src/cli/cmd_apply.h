// `fusebox apply BOX`: makes the host equal to a box.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_apply_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
