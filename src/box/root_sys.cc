// /sys of the box: read-only, and only the two trees that builds look at.
#include <fcntl.h>
#include <sys/mount.h>

#include <array>

#include "box/mount_tools.h"
#include "box/root.h"

namespace fusebox::box {
namespace {

constexpr unsigned kReadOnly = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// Readable for root and none of a build's business: firmware tables with keys, power meters (a side channel).
// And, where it could not be left out, the `abort` files of FUSE connections, which are their mounter's to write.
constexpr std::array kHidden = {"firmware", "devices/virtual/powercap", "fs/fuse/connections"};

// sysfs itself, without what is mounted in it. That is the point: debugfs, tracefs, the FUSE connections with their
// `abort` files, securityfs, efivarfs, bpf and whatever comes next stay outside without being named.
Result<Fd> sysfs(Network network) {
  if (network == Network::host) {
    auto copy = clone_mount(AT_FDCWD, "/sys", Extent::one_mount);
    // In a user namespace what is mounted in it may not be left out (mount_namespaces(7)).  It is read-only then, and
    // open to nobody but root in any case.
    if (!copy && copy.error() == Errno::invalid) copy = clone_mount(AT_FDCWD, "/sys", Extent::whole_subtree);
    if (!copy) return copy;
    auto restricted = restrict_mount(*copy, kReadOnly, Extent::whole_subtree);
    return restricted ? std::move(copy) : fail(restricted.error());
  }
  // A new one, or /sys/class/net would list the host's interfaces.
  return new_mount("sysfs", {}, kReadOnly);
}

// The limits that nproc-like code, Go, Java and ninja read.
Result<> add_cgroups(const Fd& sys) {
  const auto target = open_beneath(sys.get(), "fs/cgroup");
  if (!target) return {};
  auto copy = clone_mount(AT_FDCWD, "/sys/fs/cgroup", Extent::whole_subtree);
  if (!copy) return fail(copy.error());
  auto restricted = restrict_mount(*copy, kReadOnly, Extent::whole_subtree);
  return restricted ? attach(*copy, *target) : restricted;
}

Result<> hide(const Fd& sys) {
  for (const char* name : kHidden) {
    const auto target = open_beneath(sys.get(), name);
    if (!target) continue;
    auto empty = new_mount("tmpfs", {{"size", "4k"}, {"mode", "555"}}, kReadOnly);
    if (!empty) return fail(empty.error());
    if (auto attached = attach(*empty, *target); !attached) return attached;
  }
  return {};
}

}  // namespace

Outcome<> mount_sys(const Fd& root, Network network) {
  const auto target = open_beneath(root.get(), "sys");
  if (!target) return {};
  const auto failed = [](Errno error) { return std::unexpected(fault_of_errno("mount /sys in the box", error)); };
  auto sys = sysfs(network);
  if (!sys) return failed(sys.error());
  if (auto attached = attach(*sys, *target); !attached) return failed(attached.error());
  if (auto done = add_cgroups(*sys); !done) return failed(done.error());
  if (auto done = hide(*sys); !done) return failed(done.error());
  return {};
}

}  // namespace fusebox::box
