#include "cli/serving_options.h"

namespace fusebox::cli {

void add_serving_options(CLI::App& command, ServingOptions& options) {
  command.add_flag("--coherent", options.coherent, "Show changes made outside at once, not within a second (slower)");
  command.add_option("--transport", options.transport, "How requests come from the kernel: auto takes the fastest")
      ->type_name("auto|io-uring|dev-fuse|single")
      ->check(CLI::IsMember(std::vector<std::string>(transport_names().begin(), transport_names().end())))
      ->capture_default_str();
  command.add_flag("--save-power", options.save_power,
                   "Neither keep idle processors awake, which takes root, nor spin between requests (slower)");
}

Freshness freshness_of(const ServingOptions& options) {
  return options.coherent ? Freshness::at_once : Freshness::within_a_second;
}

Transport transport_of(const ServingOptions& options) { return *transport_named(options.transport); }

IdleProcessors idle_processors_of(const ServingOptions& options) {
  return options.save_power ? IdleProcessors::let_sleep : IdleProcessors::keep_awake;
}

}  // namespace fusebox::cli
