#include "cli/sandbox_options.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/command.h"

namespace fusebox::cli {
namespace {

// All but the network's are the box's own in any case.
void add_namespace_options(CLI::App& app, SandboxOptions& options) {
  const auto add = [&app](const std::string& name, std::optional<bool>& value, const std::string& help) {
    app.add_flag_callback("--" + name + "-on", [&value] { value = true; }, help)->group("Namespaces");
    app.add_flag_callback("--" + name + "-off", [&value] { value = false; }, "Not so")->group("Namespaces");
  };
  add("ns", options.namespaces, "Use namespaces that the configuration or an option switches on");
  add("ns-net", options.network_namespace, "No network but loopback");
  static std::optional<bool> ignored;
  for (const char* kind : {"cgroup", "ipc", "mnt", "pid", "sysv", "time", "user", "uts"}) {
    add(std::string("ns-") + kind, ignored, "Accepted; the box decides");
  }
}

}  // namespace

std::expected<SandboxOptions, int> parse_sandbox_options(int argc, char** argv) {
  SandboxOptions options;
  CLI::App app("Runs a program, or a shell, whose file accesses Gentoo's SANDBOX_ variables limit.", "sandbox");
  app.set_version_flag("-V,--version", "Gentoo path sandbox\n version: fusebox " FUSEBOX_VERSION);
  app.add_flag("-c,--bash", options.bash, "Run all arguments, joined by spaces, as a command of bash");
  app.add_option("--max-write", options.max_write,
                 "All that may be written, whatever the environment says (repeatable)")
      ->type_name("PATH")
      ->allow_extra_args(false);
  add_namespace_options(app, options);
  app.add_option("PROGRAM", options.command, "The program and its arguments; none: an interactive bash");
  app.positionals_at_end();
  app.footer(R"(One argument that is no executable file is a command for bash. Options end at PROGRAM.

Exit status: that of the program; 1 if it was 0 and something was denied, or if the sandbox itself failed.

Example:
  sandbox 'make install DESTDIR=/tmp/image')");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return std::unexpected(app.exit(error));
    report({.what = "sandbox: " + std::string(error.what()), .why = {}, .remedy = "sandbox --help"});
    return std::unexpected(1);
  }
  return options;
}

}  // namespace fusebox::cli
