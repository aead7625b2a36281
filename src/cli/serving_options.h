// The options that `fusebox run` and `fusebox mirror` share: how the mirror is served.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/host_view.h"

namespace fusebox::cli {

struct ServingOptions {
  bool coherent = false;
  bool save_power = false;
  std::string transport = "auto";  // auto | io-uring | dev-fuse | single
};

// `options` outlives the parser.
void add_serving_options(CLI::App& command, ServingOptions& options);

Freshness freshness_of(const ServingOptions& options);
Transport transport_of(const ServingOptions& options);
IdleProcessors idle_processors_of(const ServingOptions& options);

}  // namespace fusebox::cli
