#include "box/root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "box/mount_tools.h"

namespace fusebox::box {
namespace {

Outcome<> attach_root(const Fd& root) {
  // Private: nothing that is mounted from here on travels back to the host.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return std::unexpected(fault_with_errno("make the box's mounts private"));
  }
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

Outcome<> enter_root(Fd root, const Plan& plan) {
  if (auto done = attach_root(root); !done) return done;
  if (auto done = mount_proc(root); !done) return done;
  if (auto done = mount_sys(root, plan.network); !done) return done;
  if (auto done = mount_dev(root); !done) return done;
  if (auto done = leave_old_root(root); !done) return done;
  if (chdir(plan.directory.c_str()) != 0) {
    return std::unexpected(
        fault_with_errno("go to " + plan.directory + " in the box", "does the policy hide the working directory?"));
  }
  return {};
}

}  // namespace fusebox::box
