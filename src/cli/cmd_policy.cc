#include "cli/cmd_policy.h"

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/acting.h"
#include "cli/policy_options.h"
#include "cli/policy_report.h"

namespace fusebox::cli {
namespace {

struct CheckOptions {
  std::string file;
};

struct ExplainOptions {
  PolicyOptions policy;
  std::string op;
  std::string path;
  bool json = false;
};

struct PrintOptions {
  PolicyOptions policy;
  bool json = false;
};

int show(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return written ? 0 : report(fault_with_errno("standard output"));
}

int check(const CheckOptions& options) {
  PolicyOptions policy;
  policy.file = options.file;
  auto loaded = load_policy(policy);
  if (!loaded) return report(loaded.error());
  Acting acting;
  if (const Outcome<> started = acting.start(*loaded); !started) return report(started.error());
  const std::size_t count = loaded->file_rules;
  return show(printable(options.file) + ": " + std::to_string(count) + (count == 1 ? " rule" : " rules") +
              ", no errors\n");
}

std::vector<policy::Want> wants_of(const std::string& op) {
  using policy::Want;
  std::vector<Want> wants;
  for (const Want want : {Want::stat, Want::read, Want::write}) {
    if (op.empty() || op == policy::to_string(want)) wants.push_back(want);
  }
  return wants;
}

int explain(const ExplainOptions& options) {
  const auto loaded = load_policy(options.policy);
  if (!loaded) return report(loaded.error());
  auto directory = working_directory();
  if (!directory) return report(directory.error());
  const PathQuestion question = ask_about(options.path, *directory, path_resolver());
  const auto wants = wants_of(options.op);
  return show(options.json ? explanation_json(*loaded, question, wants) : explanation_text(*loaded, question, wants));
}

int print(const PrintOptions& options) {
  const auto loaded = load_policy(options.policy);
  if (!loaded) return report(loaded.error());
  return show(options.json ? rules_json(*loaded) : rules_text(*loaded));
}

void add_check(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand("check", "Say whether a policy file is in order");
  command->add_option("FILE", options->file, "The policy file")->required();
  command->footer(
      R"(Reads FILE as `fusebox run --policy FILE` would: its syntax, its keys, each path, the variables that it
uses, with their values here and now, and the programs of its [[on]] rules.  The script of its [hook] is loaded.

Exit status: 0 if it is in order; 125 if not, with one line on stderr that says where and why.

Example:
  $ fusebox policy check fusebox.toml
  fusebox: fusebox.toml:2:1: unknown key 'raed' in [files] (did you mean 'read'?))");
  command->callback([options, &result] { result.exit_status = check(*options); });
}

void add_explain(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = app.add_subcommand("explain", "Say what may be done to a path, and which rule decides");
  command->add_option("PATH", options->path, "The path; a relative one counts from here")->required();
  command->add_option("--op", options->op, "Only this: stat, read or write")
      ->type_name("OP")
      ->check(CLI::IsMember({"stat", "read", "write"}));
  command->add_flag("--json", options->json, "Write JSON");
  add_policy_options(*command, options->policy);
  command->footer(
      R"(Lists the rules that match PATH, the most specific first.  Where a symlink is on the way, the path that
it leads to is explained too: an access needs leave for both.  Nothing need exist.

Verdicts: allow; deny (EACCES, and a violation); predict (EACCES, quietly); hide (ENOENT, not listed);
discard (allowed, and the change is kept in the box).
Exit status: 0, whatever the verdict; 125 if there is no policy to ask.

Example:
  $ fusebox policy explain --op write /etc/passwd
  /etc/passwd
    write: deny (what may be read may not therefore be written)
      1. read "/" (profile default): decides)");
  command->callback([options, &result] { result.exit_status = explain(*options); });
}

void add_print(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<PrintOptions>();
  CLI::App* command = app.add_subcommand("print", "List the rules in effect, and where each was written");
  command->add_flag("--json", options->json, "Write JSON");
  add_policy_options(*command, options->policy);
  command->footer(
      R"(Lists the rules in the order in which they are stacked: profiles, policy file, flags.  The order matters
only between rules of the same kind at the same place, where the later one is named as the reason.

Example:
  $ fusebox policy print --profile build --write out
  ...
  write    "/home/ada/project/out" (--write))");
  command->callback([options, &result] { result.exit_status = print(*options); });
}

}  // namespace

void add_policy_command(CLI::App& app, CommandResult& result) {
  CLI::App* command = app.add_subcommand("policy", "Check, explain and print policies");
  command->require_subcommand(1);
  command->footer("Example:\n  $ fusebox policy explain ~/.ssh/id_ed25519");
  add_check(*command, result);
  add_explain(*command, result);
  add_print(*command, result);
}

}  // namespace fusebox::cli
