// The command line of Gentoo's sandbox.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace fusebox::cli {

struct SandboxOptions {
  bool bash = false;
  std::optional<bool> namespaces;         // --ns-on, --ns-off; not given: the configuration says
  std::optional<bool> network_namespace;  // --ns-net-on, --ns-net-off; counts where `namespaces` are on
  std::vector<std::string> max_write;     // a ceiling, one prefix each; none: no ceiling
  std::vector<std::string> command;       // none: an interactive shell
};

// The options, or the exit status of what ended here (--help, --version, a wrong command line), which has been printed.
std::expected<SandboxOptions, int> parse_sandbox_options(int argc, char** argv);

}  // namespace fusebox::cli
