// `fusebox policy check | explain | print`: what a policy says, without running anything.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace fusebox::cli {

void add_policy_command(CLI::App& app, CommandResult& result);

}  // namespace fusebox::cli
