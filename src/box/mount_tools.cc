#include "box/mount_tools.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fusebox::box {
namespace {

constexpr unsigned reach(Extent extent) { return extent == Extent::whole_subtree ? AT_RECURSIVE : 0U; }

}  // namespace

Result<Fd> new_mount(const char* type, std::initializer_list<MountOption> options, unsigned attributes) {
  const Fd context(fsopen(type, FSOPEN_CLOEXEC));
  if (!context) return fail_with_errno();
  for (const auto& [key, value] : options) {
    if (fsconfig(context.get(), FSCONFIG_SET_STRING, key, value, 0) != 0) return fail_with_errno();
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return fail_with_errno();
  Fd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, attributes));
  if (!mount) return fail_with_errno();
  return mount;
}

Result<Fd> clone_mount(int directory, const char* path, Extent extent) {
  const unsigned empty = *path == '\0' ? AT_EMPTY_PATH : 0U;
  Fd mount(open_tree(directory, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | empty | reach(extent)));
  if (!mount) return fail_with_errno();
  return mount;
}

Result<> restrict_mount(const Fd& mount, unsigned attributes, Extent extent) {
  mount_attr change{};
  change.attr_set = attributes;
  if (mount_setattr(mount.get(), "", AT_EMPTY_PATH | reach(extent), &change, sizeof change) != 0) {
    return fail_with_errno();
  }
  return {};
}

Result<Fd> open_beneath(int directory, const char* path) {
  // Without O_NOFOLLOW: with it a symlink at the end would be opened, not refused (openat2(2)).
  const open_how how{
      .flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  Fd fd(static_cast<int>(syscall(SYS_openat2, directory, path, &how, sizeof how)));
  if (!fd) return fail_with_errno();
  return fd;
}

Result<> attach(const Fd& mount, const Fd& target) {
  if (move_mount(mount.get(), "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return fail_with_errno();
  }
  return {};
}

}  // namespace fusebox::box
