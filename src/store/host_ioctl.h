// The ioctls that files of the host answer through the mirror (store layer).
#pragma once

#include <cstddef>
#include <span>

#include "fusebox/node.h"
#include "fusebox/result.h"

namespace fusebox {

// Those that read and write a file's attributes (ioctl_iflags(2), FS_IOC_FSGETXATTR); ENOTTY for all others, which may
// do anything.  The kernel has checked that the caller may (fs/file_attr.c: vfs_fileattr_set).
Result<IoctlReply> pass_ioctl(int fd, unsigned command, std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace fusebox
