#include "cli/cmd_seccomp.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "box/capabilities.h"
#include "cli/script_filter.h"
#include "cli/seccomp_profile.h"
#include "cli/under_profile.h"
#include "seccomp/circumstances.h"
#include "seccomp/filter.h"
#include "seccomp/oci_write.h"
#include "seccomp/words.h"

namespace fusebox::cli {
namespace {

struct SourceOptions {
  std::string file;
  std::string capabilities = "box";  // box | all | none | NAME,NAME
};

struct ExportOptions {
  SourceOptions source;
  bool pfc = false;
  bool bpf = false;
  bool oci = false;
};

int show(const std::string& bytes) {
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() && std::fflush(stdout) == 0;
  return written ? 0 : report(fault_with_errno("standard output"));
}

Outcome<std::uint64_t> capabilities_of(const std::string& words) {
  if (words == "box") return box::capabilities_of_command(true);
  if (words == "all") return ~std::uint64_t{0};
  if (words == "none") return 0;
  return seccomp::capability_mask(words);
}

Outcome<LoadedProfile> load(const SourceOptions& source) {
  const auto capabilities = capabilities_of(source.capabilities);
  if (!capabilities) return std::unexpected(capabilities.error());
  auto loaded = load_profile({.file = source.file, .capabilities = *capabilities});
  if (loaded) print_notes(*loaded, source.file);
  return loaded;
}

int run(const std::vector<std::string>& words) {
  if (!is_script(words[0])) return report(run_under_profile(words));
  const auto status = run_filter_script(words[0], {words.begin() + 1, words.end()});
  return status ? *status : report(status.error());
}

int check(const SourceOptions& source) {
  const auto loaded = load(source);
  if (!loaded) return report(loaded.error());
  if (const auto context = seccomp::build(loaded->profile); !context) return report(context.error());
  const std::size_t rules = loaded->profile.rules.size();
  return show(printable(source.file) + ": " + std::to_string(rules) + (rules == 1 ? " rule" : " rules") + ", else " +
              seccomp::text_of(loaded->profile.default_action) + ", no errors\n");
}

Outcome<std::string> exported(const ExportOptions& options) {
  const auto loaded = load(options.source);
  if (!loaded) return std::unexpected(loaded.error());
  if (options.oci) return seccomp::write_oci(loaded->profile);
  const auto context = seccomp::build(loaded->profile);
  if (!context) return std::unexpected(context.error());
  if (options.pfc) return seccomp::pseudo_code(*context);
  const auto program = seccomp::compile(*context);
  if (!program) return std::unexpected(program.error());
  return std::string(reinterpret_cast<const char*>(program->data()), program->size() * sizeof(sock_filter));
}

int export_filter(const ExportOptions& options) {
  if (options.bpf && ::isatty(STDOUT_FILENO) == 1) {
    return report(
        {"standard output", "a terminal, and the program is no text", "redirect it: > filter.bpf", ExitCode::usage});
  }
  const auto bytes = exported(options);
  return bytes ? show(*bytes) : report(bytes.error());
}

int import_profile(const SourceOptions& source) {
  const auto loaded = load(source);
  return loaded ? show(seccomp::write_oci(loaded->profile)) : report(loaded.error());
}

void add_source(CLI::App& command, SourceOptions& source, const char* description) {
  command.add_option("FILE", source.file, description)->required();
  command
      .add_option("--caps", source.capabilities,
                  "For Docker's conditions: the capabilities of root's box (box), all, none, or names")
      ->type_name("CAP_A,CAP_B")
      ->capture_default_str();
}

void add_run(CLI::App& app, CommandResult& result) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("run", "Run a script, or a command under a profile, without a box");
  command->add_option("FILE", *words, "A script *.rb and its arguments; or a profile, and a command with its own")
      ->required();
  command->positionals_at_end();
  command->footer(
      R"(Runs FILE.rb with the Seccomp API (see docs/seccomp.md); or puts COMMAND, and all that it starts, under
PROFILE.json.  Neither is in a box: for that, `fusebox run --seccomp FILE`.

Exit status: the script's, or 1 if it raised; COMMAND's; 2 for a profile with errors.

Example:
  $ fusebox seccomp run profile.json true
  $ fusebox seccomp run filter.rb)");
  command->callback([words, &result] { result.exit_status = run(*words); });
}

void add_check(CLI::App& app, CommandResult& result) {
  auto source = std::make_shared<SourceOptions>();
  CLI::App* command = app.add_subcommand("check", "Say whether a profile is in order");
  add_source(*command, *source, "The profile in JSON, or a script *.rb");
  command->footer(
      R"(Reads FILE as `fusebox run --seccomp FILE` would.  A system call that is not known is an error in a rule
that refuses it, and a warning in one that allows it; so is a rule that has no effect beside another.

Exit status: 0 if it is in order, warnings or not; 2 if not, with one line on stderr that says where and why.

Example:
  $ fusebox seccomp check profile.json)");
  command->callback([source, &result] { result.exit_status = check(*source); });
}

void add_export(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Write a filter for others to read or to load");
  add_source(*command, options->source, "The profile in JSON, or a script *.rb");
  CLI::Option_group* const form = command->add_option_group("form");
  form->add_flag("--pfc", options->pfc, "As pseudo filter code, for people");
  form->add_flag("--bpf", options->bpf, "As the program that the kernel takes, for bwrap --seccomp and others");
  form->add_flag("--oci", options->oci, "As an OCI profile in JSON, for container tools");
  form->require_option(1);
  command->footer(
      R"(Writes the filter to standard output.  A script is run up to the first filter that it loads, which is the
one that is written, and which is not loaded.

Example:
  $ fusebox seccomp export --pfc profile.json
  $ fusebox seccomp export --bpf profile.json > filter.bpf)");
  command->callback([options, &result] { result.exit_status = export_filter(*options); });
}

void add_import(CLI::App& app, CommandResult& result) {
  auto source = std::make_shared<SourceOptions>();
  CLI::App* command = app.add_subcommand("import", "Make a plain OCI profile of Docker's or Podman's");
  add_source(*command, *source, "The profile in JSON");
  command->footer(
      R"(Writes to standard output what holds of FILE here: its conditions on capabilities, architecture and kernel are
decided, and its names sorted and merged.  What was decided by which circumstances is said on stderr.

Example:
  $ fusebox seccomp import --caps none profile.json > plain.json)");
  command->callback([source, &result] { result.exit_status = import_profile(*source); });
}

}  // namespace

void add_seccomp_command(CLI::App& app, CommandResult& result) {
  CLI::App* command = app.add_subcommand("seccomp", "Filters for system calls: run, check, export, import");
  command->require_subcommand(1);
  command->footer("Example:\n  $ fusebox seccomp check profile.json");
  add_run(*command, result);
  add_check(*command, result);
  add_export(*command, result);
  add_import(*command, result);
}

}  // namespace fusebox::cli
