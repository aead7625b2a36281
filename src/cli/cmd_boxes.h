// `fusebox boxes`: which boxes there are.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_boxes_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
