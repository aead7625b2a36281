// Detached mounts that callers hand around.
#include <fcntl.h>
#include <sys/mount.h>

#include "box/box.h"
#include "box/mount_tools.h"

namespace fusebox::box {

Outcome<Fd> create_private_tmp() {
  // Without a size, tmpfs holds at most half of the memory (tmpfs(5)).
  auto tmp = new_mount("tmpfs", {{"mode", "1777"}, {"source", "tmpfs"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!tmp) return std::unexpected(fault_with_errno("make a private /tmp", "needs CAP_SYS_ADMIN and Linux 5.2"));
  return std::move(*tmp);
}

Outcome<Fd> clone_file(int file) {
  auto mount = clone_mount(file, "", Extent::one_mount);
  if (!mount) return std::unexpected(fault_with_errno("make a mount of one file"));
  return std::move(*mount);
}

}  // namespace fusebox::box
