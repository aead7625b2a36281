#include "cli/cmd_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "audit/viewer.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::cli {
namespace {

struct LogOptions {
  std::string file;
  audit::View view;
};

int show(const LogOptions& options) {
  const bool is_stdin = options.file == "-";
  const Fd file(is_stdin ? -1 : ::open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!is_stdin && !file) return report(fault_with_errno(options.file));
  const auto complain = [&](const std::string& problem) {
    report(Fault{.what = is_stdin ? "standard input" : options.file, .why = problem, .remedy = {}});
  };
  const auto unreadable = audit::show_log(is_stdin ? STDIN_FILENO : file.get(), STDOUT_FILENO, options.view, complain);
  if (!unreadable) return report(unreadable.error());
  return *unreadable == 0 ? 0 : 1;
}

}  // namespace

void add_log_command(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<LogOptions>();
  audit::Filter& filter = options->view.filter;
  CLI::App* command = app.add_subcommand("log", "Show an audit log");
  command->add_option("FILE", options->file, "What `fusebox run --log FILE` wrote; - for standard input")->required();
  command->add_flag("--denied", filter.denied, "Only what was denied");
  command->add_flag("--written", filter.written, "Only changes; with --denied, those that were denied");
  command->add_option("--path", filter.path, "Only these paths and what lies below; * stands for anything, / too")
      ->type_name("GLOB");
  command->add_option("--process", filter.process, "Only by this program: its name, or its whole path")
      ->type_name("NAME");
  command->add_flag("--json", options->view.json, "Print the lines as they are in the file");
  command->footer(R"(Columns: local time, process[pid], operation, verdict unless it is allow, path, error, rule.

Exit status: 0; 1 if lines could not be read (each is named on stderr, the others are shown); 125 if the file could not.

Example:
  $ fusebox log audit.jsonl --denied
  14:02:11.480  sh[4242]                  open w       deny     /etc/motd  EACCES  deny "/etc" (fusebox.toml:4:9)

  $ fusebox log audit.jsonl --written --path '/usr/*' --process make)");
  command->callback([options, &result] { result.exit_status = show(*options); });
}

}  // namespace fusebox::cli
