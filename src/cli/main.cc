// Wires the commands together; contains no decision.
#include <CLI/CLI.hpp>
#include <exception>
#include <string>

#include "box/box.h"
#include "cli/cmd_apply.h"
#include "cli/cmd_boxes.h"
#include "cli/cmd_diff.h"
#include "cli/cmd_discard.h"
#include "cli/cmd_doctor.h"
#include "cli/cmd_export.h"
#include "cli/cmd_log.h"
#include "cli/cmd_mirror.h"
#include "cli/cmd_policy.h"
#include "cli/cmd_run.h"
#include "cli/cmd_sandbox.h"
#include "cli/cmd_script.h"
#include "cli/cmd_seccomp.h"
#include "cli/command.h"
#include "cli/usage.h"

namespace {

using namespace fusebox;

int parse_and_run(int argc, char** argv) {
  CLI::App app("Runs a command in a box you can see through: every file access checked, recorded, explained.",
               "fusebox");
  app.set_version_flag("--version", "fusebox " FUSEBOX_VERSION);
  app.require_subcommand(1);
  cli::CommandResult result;
  cli::add_run_command(app, result);
  cli::add_mirror_command(app, result);
  cli::add_script_command(app, result);
  cli::add_policy_command(app, result);
  cli::add_log_command(app, result);
  cli::add_boxes_command(app, result);
  cli::add_diff_command(app, result);
  cli::add_apply_command(app, result);
  cli::add_discard_command(app, result);
  cli::add_export_command(app, result);
  cli::add_seccomp_command(app, result);
  cli::add_doctor_command(app, result);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help and --version
    return cli::report(cli::usage_fault(app, error));
  }
  return result.exit_status;
}

}  // namespace

int main(int argc, char** argv) {
  const Outcome<> filled = box::fill_standard_descriptors();
  if (!filled) return static_cast<int>(filled.error().code);
  // Memory, or the threads that a run begins with, were not to be had: nothing has started, or all of it ends with us.
  try {
    return cli::is_executed_as("sandbox") ? cli::run_as_sandbox(argc, argv) : parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    return cli::report(
        {.what = "go on", .why = error.what(), .remedy = "is memory, or the number of processes, limited?"});
  }
}
