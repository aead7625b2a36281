#include "cli/run_options.h"

namespace fusebox::cli {

void add_run_options(CLI::App& command, RunOptions& options) {
  add_policy_options(command, options.policy);
  command
      .add_option("--box", options.box,
                  "Keep the changes of --cow and --discard under this name; continues an earlier run")
      ->type_name("NAME");
  command.add_flag("--device-nodes", options.device_nodes,
                   "With --cow, as root: COMMAND may make device nodes (mknod), which give it no device");
  command.add_option("--log", options.log, "Write the audit log to FILE, one JSON object a line")->type_name("FILE");
  command
      .add_option("--audit", options.audit,
                  "What is logged: violations, files (once per process, path and kind), all, io")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"violations", "files", "all", "io"}))
      ->capture_default_str();
  command.add_option("--deps", options.deps, "Write inputs and outputs to FILE as a Make rule")->type_name("FILE");
  command
      .add_option("--script", options.scripts,
                  "Show the file system that a Ruby script serves at a directory of the box (fusebox script --help)")
      ->type_name("MOUNTPOINT=FILE.rb")
      ->allow_extra_args(false);
  command.add_option("--net", options.network, "The box's network: the host's, or none but loopback")
      ->type_name("none|host")
      ->check(CLI::IsMember({"none", "host"}));
  command
      .add_option("--seccomp", options.seccomp,
                  "Hold COMMAND to a filter for system calls too: an OCI or Docker profile in JSON, or a script *.rb")
      ->type_name("FILE");
  command.add_flag("--map-root", options.map_root,
                   "Started without root: be uid 0 in the box, with your subordinate ids as its other users");
  command.add_option("--violations", options.violations, "A run with violations fails, or only reports them")
      ->type_name("fail|report")
      ->check(CLI::IsMember({"fail", "report"}))
      ->capture_default_str();
  add_serving_options(command, options.serving);
  command.add_flag("-q,--quiet", options.quiet, "No summary at the end, unless something was denied");
  command.add_flag("--statistics", options.statistics, "Say at the end how many requests of each kind the box made");
  command.add_option("COMMAND", options.command, "The command, and its arguments")->required();
  command.positionals_at_end();
  command.footer(
      R"(Runs COMMAND with the host's file system as its root, every access checked and recorded.  The working
directory and a private /tmp may be written, secrets of the home directory are hidden, and what else COMMAND
tries to write is refused (EACCES) and named in the end.  --profile, --policy and the rule options change that;
`fusebox policy explain PATH` says what holds for a path, and why.  With --cow nothing changes outside: what COMMAND
writes is kept in the box, and dropped at its end unless --box gives it a name.  A policy file may also have programs
run and webhooks called when something has happened, and ask a script in Ruby: docs/hooks.md.

Options end at COMMAND; write -- before it if its name begins with a dash.

Exit status: that of COMMAND, or 128 plus the number of the signal that ended it; 1 if COMMAND exited with 0
but something was denied; 2 for a wrong command line; 125 if Fusebox failed; 126 if COMMAND cannot be executed;
127 if it was not found.

Example:
  $ fusebox run --log build.jsonl -- sh -c './configure && make'
  $ fusebox log build.jsonl --written)");
}

}  // namespace fusebox::cli
