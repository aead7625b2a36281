// `fusebox doctor`: what this machine offers, what that means, and what to do about it.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_doctor_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
