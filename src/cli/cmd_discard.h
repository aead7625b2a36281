// `fusebox discard BOX`: drops a box, or some of its changes.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_discard_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
