// What is wrong with a command line, in one line (cli layer).
#pragma once

#include <CLI/CLI.hpp>

#include "fusebox/fault.h"

namespace fusebox::cli {

// `app` has parsed the command line and thrown `error`.  Names the word that is wrong, and the nearest that is right.
Fault usage_fault(const CLI::App& app, const CLI::ParseError& error);

}  // namespace fusebox::cli
