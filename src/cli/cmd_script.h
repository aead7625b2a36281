// `fusebox script`: a file system in Ruby.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_script_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
