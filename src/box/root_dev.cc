// /dev of the box: the devices that belong to nobody, terminals of its own, and memory to share.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>

#include "box/mount_tools.h"
#include "box/root.h"

namespace fusebox::box {
namespace {

constexpr std::array kDevices = {"null", "zero", "full", "random", "urandom", "tty"};

constexpr std::array<std::pair<const char*, const char*>, 6> kLinks = {{{"/proc/self/fd", "fd"},
                                                                        {"/proc/self/fd/0", "stdin"},
                                                                        {"/proc/self/fd/1", "stdout"},
                                                                        {"/proc/self/fd/2", "stderr"},
                                                                        {"/proc/kcore", "core"},
                                                                        {"pts/ptmx", "ptmx"}}};

Result<> attach_on_new_directory(const Fd& mount, const Fd& dev, const char* name) {
  if (mkdirat(dev.get(), name, 0755) != 0) return fail_with_errno();
  const auto target = open_beneath(dev.get(), name);
  return target ? attach(mount, *target) : fail(target.error());
}

// The host's node, by a bind mount: making a node of our own needs a right that a user namespace does not give.
// Read-only, which is no matter to the device, but root in the box could change the node's mode, owner and attributes
// on the host.
Result<> bind_device(const Fd& dev, const char* host_path, const char* name) {
  struct stat status{};
  if (stat(host_path, &status) != 0 || !S_ISCHR(status.st_mode)) return {};
  auto node = clone_mount(AT_FDCWD, host_path, Extent::one_mount);
  if (!node) return fail(node.error());
  if (auto restricted = restrict_mount(*node, MOUNT_ATTR_RDONLY, Extent::one_mount); !restricted) return restricted;
  const Fd place(openat(dev.get(), name, O_CREAT | O_EXCL | O_CLOEXEC | O_RDONLY, 0666));
  if (!place) return fail_with_errno();
  return attach(*node, place);
}

Result<> add_terminals(const Fd& dev) {
  // 5 is the group tty of every distribution; where there is none, terminals get their opener's group.
  auto pts =
      new_mount("devpts", {{"ptmxmode", "0666"}, {"mode", "620"}, {"gid", "5"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (!pts) pts = new_mount("devpts", {{"ptmxmode", "0666"}, {"mode", "620"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (!pts) return fail(pts.error());
  if (auto attached = attach_on_new_directory(*pts, dev, "pts"); !attached) return attached;

  // The caller's terminal lives in the host's devpts. As /dev/console it has a name in the box, for ttyname(3).
  std::array<char, 256> path{};
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (ttyname_r(fd, path.data(), path.size()) == 0) return bind_device(dev, path.data(), "console");
  }
  return {};
}

Result<> add_shared_memory(const Fd& dev) {
  auto shm = new_mount("tmpfs", {{"mode", "1777"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!shm) return fail(shm.error());
  if (auto attached = attach_on_new_directory(*shm, dev, "shm"); !attached) return attached;

  struct stat status{};
  if (stat("/dev/mqueue", &status) != 0 || !S_ISDIR(status.st_mode)) return {};
  auto queues = new_mount("mqueue", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (!queues) return fail(queues.error());
  return attach_on_new_directory(*queues, dev, "mqueue");
}

Result<> fill(const Fd& dev) {
  for (const char* name : kDevices) {
    if (auto bound = bind_device(dev, (std::string("/dev/") + name).c_str(), name); !bound) return bound;
  }
  for (const auto& [destination, name] : kLinks) {
    if (symlinkat(destination, dev.get(), name) != 0) return fail_with_errno();
  }
  if (auto added = add_terminals(dev); !added) return added;
  return add_shared_memory(dev);
}

}  // namespace

Outcome<> mount_dev(const Fd& root) {
  const auto target = open_beneath(root.get(), "dev");
  if (!target) return {};
  const auto failed = [](Errno error) { return std::unexpected(fault_of_errno("mount /dev in the box", error)); };
  // What the box itself puts there is small; the nodes' own mounts are not bound by NODEV.
  auto dev = new_mount("tmpfs", {{"mode", "755"}, {"size", "1m"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!dev) return failed(dev.error());
  if (auto attached = attach(*dev, *target); !attached) return failed(attached.error());
  if (auto filled = fill(*dev); !filled) return failed(filled.error());
  return {};
}

}  // namespace fusebox::box
