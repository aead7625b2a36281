#include "cli/cmd_mirror.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "cli/host_view.h"
#include "cli/serving_options.h"

namespace fusebox::cli {
namespace {

struct MirrorOptions {
  std::string source;
  std::string mountpoint;
  std::string changes;  // empty: they go to the source
  ServingOptions serving;
};

// The directory and what is mounted below it now, apart from the mounts that others see: where MOUNTPOINT lies below
// SOURCE, the mirror would otherwise walk into itself, and wait for itself.
Outcome<Fd> clone_tree(const std::string& path) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
  Fd tree(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), flags)));
  if (!tree) return std::unexpected(fault_with_errno("open " + path, errno == EPERM ? "run as root" : ""));
  mount_attr apart{};
  apart.propagation = MS_PRIVATE;
  if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &apart, sizeof(apart)) != 0) {
    return std::unexpected(fault_with_errno("mount_setattr " + path));
  }
  return tree;
}

Outcome<> mirror(const MirrorOptions& options) {
  Outcome<Fd> source = clone_tree(options.source);
  if (!source) return std::unexpected(source.error());
  Fd changes;
  if (!options.changes.empty()) {
    changes = Fd(::open(options.changes.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!changes) return std::unexpected(fault_with_errno("open " + options.changes, "make the directory"));
  }
  auto view = HostView::prepare(*std::move(source), {.grafts = {},
                                                     .changes = std::move(changes),
                                                     .freshness = freshness_of(options.serving),
                                                     .transport = transport_of(options.serving),
                                                     .idle_processors = idle_processors_of(options.serving)});
  if (!view) return std::unexpected(view.error());
  const auto report = [&shown = **view] {
    const std::string line = shown.state() + "\n";
    std::fputs(line.c_str(), stderr);
  };
  return serve_until_unmounted((*view)->mount(), (*view)->root(), options.mountpoint, {}, report);
}

}  // namespace

void add_mirror_command(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<MirrorOptions>();
  CLI::App* command = app.add_subcommand("mirror", "Show a directory at another place");
  command->add_option("SOURCE", options->source, "The directory to show")->required();
  command->add_option("MOUNTPOINT", options->mountpoint, "An existing directory")->required();
  command
      ->add_option("--changes", options->changes,
                   "Leave SOURCE as it is: keep changes in DIR/upper, as overlayfs does (DIR/work is for its own use)")
      ->type_name("DIR");
  add_serving_options(*command, options->serving);
  command->footer(R"(Mounts SOURCE, with all that is mounted below it, on MOUNTPOINT: no policy, no log.  Stays in the
foreground until MOUNTPOINT is unmounted; Ctrl-C or SIGTERM unmounts it.  At SIGUSR1 it says on stderr what it holds
and how many requests it has served, as a line of JSON.

Example:
  $ fusebox mirror / /mnt &
  $ ls /mnt/etc
  $ umount /mnt)");
  command->callback([options, &result] {
    const Outcome<> done = mirror(*options);
    result.exit_status = done ? 0 : report(done.error());
  });
}

}  // namespace fusebox::cli
