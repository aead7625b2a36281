// `fusebox export BOX FILE.tar`: a box as a layer of a container image.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_export_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
