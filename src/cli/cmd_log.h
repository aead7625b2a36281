// `fusebox log FILE`: shows an audit log to people, or to programs.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_log_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
