// What statx(2) says of a file, and the conversions that the store needs (store layer).
#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "fusebox/attr.h"
#include "fusebox/result.h"

namespace fusebox {

using FileStatus = struct statx;

Result<FileStatus> status_of(int fd);

// Of the name itself: no symlink is followed, nothing is automounted.  A mount on the name is crossed.
Result<FileStatus> status_of(int directory, const char* name);

// One mount of one device, as Identity::device holds it: the mount's id above the device number.  Two mounts of the
// same directory differ, because the kernel wants a directory to have one place, and each has its own read-only flag.
std::uint64_t mount_key(const FileStatus& status);

Attr to_attr(const FileStatus& status, std::uint64_t shown_inode, Validity valid_for);

// Bits that a write by anybody else must drop.  Without group execution the set-group-id bit is no such bit: it once
// meant mandatory locks (inode(7)).
inline bool has_set_id(mode_t mode) {
  return (mode & S_ISUID) != 0 || ((mode & S_ISGID) != 0 && (mode & S_IXGRP) != 0);
}

// True while another change could still leave the same time stamp, so that "unchanged" cannot be told from it.
bool recently_changed(const FileStatus& status);

}  // namespace fusebox
