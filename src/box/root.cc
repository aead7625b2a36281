#include "box/root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "box/mount_tools.h"

namespace fusebox::box {
namespace {

constexpr std::array kParts = {"proc", "sys", "dev"};

// Before Linux 6.15 mounts can be made in a mount only where that is attached. Over /proc, which surely exists and is
// of no use to the init any more, rather than over "/": there it would be in the way of pivot_root(2).
Result<Fd> directory_for_parts() {
  auto prepared = new_mount("tmpfs", {{"mode", "700"}, {"size", "4k"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!prepared) return prepared;
  const Fd place(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place) return fail_with_errno();
  if (auto attached = attach(*prepared, place); !attached) return fail(attached.error());
  for (const char* part : kParts) {
    if (mkdirat(prepared->get(), part, 0700) != 0) return fail_with_errno();
  }
  return prepared;
}

Outcome<> attach_root(const Fd& root) {
  // No set-user-id bit counts (no_new_privs says so too), and a device node on a mirrored file system is no device:
  // its open would go to the kernel's driver past the mirror. The box's devices are those of mount_dev().
  if (!restrict_mount(root, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, Extent::one_mount)) {
    return std::unexpected(fault_with_errno("restrict the box's root", "needs Linux 5.12"));
  }
  // On top of the present root, which is the one directory that surely exists; "/" still finds what lies below.
  if (move_mount(root.get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return std::unexpected(fault_with_errno("attach the box's root"));
  }
  return {};
}

// A part whose directory the policy hides is left behind, with the former root.
Outcome<> move_parts(const Fd& root, const Fd& prepared) {
  for (const char* part : kParts) {
    const auto target = open_beneath(root.get(), part);
    if (!target) continue;
    const auto made = open_beneath(prepared.get(), part);
    const Result<> moved = made ? attach(*made, *target) : fail(made.error());
    if (!moved) return std::unexpected(fault_of_errno("mount /" + std::string(part) + " in the box", moved.error()));
  }
  return {};
}

Outcome<> leave_old_root(const Fd& root) {
  if (fchdir(root.get()) != 0) return std::unexpected(fault_with_errno("go to the box's root"));
  // pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one, and is taken off.
  if (syscall(SYS_pivot_root, ".", ".") != 0) {
    return std::unexpected(fault_with_errno("pivot_root", errno == EINVAL ? "the host's root is an initramfs?" : ""));
  }
  if (umount2(".", MNT_DETACH) != 0) return std::unexpected(fault_with_errno("detach the old root"));
  if (chdir("/") != 0) return std::unexpected(fault_with_errno("go to the box's root"));
  return {};
}

}  // namespace

Outcome<Fd> prepare_mounts(Network network) {
  // Private: nothing that is mounted from here on travels back to the host.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return std::unexpected(fault_with_errno("make the box's mounts private"));
  }
  auto prepared = directory_for_parts();
  if (!prepared) return std::unexpected(fault_of_errno("make the box's mounts", prepared.error()));
  if (auto done = mount_proc(*prepared); !done) return std::unexpected(done.error());
  if (auto done = mount_sys(*prepared, network); !done) return std::unexpected(done.error());
  if (auto done = mount_dev(*prepared); !done) return std::unexpected(done.error());
  return *std::move(prepared);
}

Outcome<> enter_root(const Fd& root, const Fd& prepared, const std::string& directory) {
  if (auto done = attach_root(root); !done) return done;
  if (auto done = move_parts(root, prepared); !done) return done;
  if (auto done = leave_old_root(root); !done) return done;
  if (chdir(directory.c_str()) != 0) {
    return std::unexpected(
        fault_with_errno("go to " + directory + " in the box", "does the policy hide the working directory?"));
  }
  return {};
}

}  // namespace fusebox::box
