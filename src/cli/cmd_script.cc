#include "cli/cmd_script.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/script_host.h"

namespace fusebox::cli {

void add_script_command(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<ScriptOptions>();
  CLI::App* command = app.add_subcommand("script", "Serve a file system that is written in Ruby");
  command->add_option("FILE", options->file, "The script")->required();
  command->add_option("MOUNTPOINT", options->mount_point, "An existing directory; without it FUSE.path says where");
  command->add_option("ARGS", options->arguments, "For the script, in ARGV behind \"fusebox\" and FILE");
  command->add_option("--mount", options->mount_option, "The mount point; all that follows FILE are then ARGS")
      ->type_name("DIR");
  command->add_option("--hook-timeout", options->hook_timeout, "How long a hook may take (FUSE.hook_timeout, or 10)")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber);
  command->add_option("--memory", options->memory, "How much memory the script may have")
      ->type_name("MIB")
      ->check(CLI::Range(8, 1 << 20))
      ->capture_default_str();
  command->add_flag("--debug", options->debug,
                    "Say on stderr which hook was called for which path, and what came of it");
  command->footer(
      R"(Runs FILE, which says FUSE.run with a class of its own: each file and directory is an object of it, and
what programs do to them calls its methods, on_getattr, on_read and so on (docs/scripting.md).  Scripts of fusuma run as
they are.  Stays in the foreground until the directory is unmounted; Ctrl-C or SIGTERM unmounts it.

Example:
  $ fusebox script examples/ruby/greeting.rb /mnt &
  $ cat /mnt/hello
  $ umount /mnt)");
  command->callback([options, &result] { result.exit_status = run_script(*options); });
}

}  // namespace fusebox::cli
