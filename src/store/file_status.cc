#include "store/file_status.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

namespace fusebox {
namespace {

constexpr unsigned kWanted = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
constexpr std::int64_t kSecond = 1'000'000'000;

// The kernel stamps files with the time of the last tick: at most 10 ms ago (CONFIG_HZ=100), twice that to be safe.
constexpr std::int64_t kTick = 20'000'000;
// File systems without fractions of a second stamp in steps of up to 2 s (vfat).
constexpr std::int64_t kCoarseStep = 2 * kSecond;

timespec to_timespec(const statx_timestamp& time) {
  return {.tv_sec = static_cast<time_t>(time.tv_sec), .tv_nsec = static_cast<long>(time.tv_nsec)};
}

bool is_recent(const statx_timestamp& time, const timespec& now) {
  const std::int64_t age =
      (now.tv_sec - time.tv_sec) * kSecond + (now.tv_nsec - static_cast<std::int64_t>(time.tv_nsec));
  return age < (time.tv_nsec == 0 ? kCoarseStep : kTick);
}

}  // namespace

Result<FileStatus> status_of(int fd) {
  FileStatus status;
  if (::statx(fd, "", AT_EMPTY_PATH, kWanted, &status) != 0) return fail_with_errno();
  return status;
}

Result<FileStatus> status_of(int directory, const char* name) {
  FileStatus status;
  if (::statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, kWanted, &status) != 0) return fail_with_errno();
  return status;
}

std::uint64_t mount_key(const FileStatus& status) {
  // The kernel's own device numbers are 12 + 20 bits (MKDEV in include/linux/kdev_t.h).
  const std::uint64_t device = (std::uint64_t{status.stx_dev_major} << 20) | status.stx_dev_minor;
  const std::uint64_t mount = (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : 0;
  return (mount << 32) | device;
}

Attr to_attr(const FileStatus& status, std::uint64_t shown_inode, Validity valid_for) {
  Attr attr;
  attr.ino = shown_inode;
  attr.size = status.stx_size;
  attr.blocks = status.stx_blocks;
  attr.atime = to_timespec(status.stx_atime);
  attr.mtime = to_timespec(status.stx_mtime);
  attr.ctime = to_timespec(status.stx_ctime);
  attr.mode = status.stx_mode;
  attr.nlink = status.stx_nlink;
  attr.uid = status.stx_uid;
  attr.gid = status.stx_gid;
  attr.rdev = makedev(status.stx_rdev_major, status.stx_rdev_minor);
  attr.blksize = status.stx_blksize;
  if ((status.stx_mask & STATX_BTIME) != 0) attr.btime = to_timespec(status.stx_btime);
  attr.valid_for = valid_for;
  return attr;
}

bool recently_changed(const FileStatus& status) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return is_recent(status.stx_mtime, now) || is_recent(status.stx_ctime, now);
}

}  // namespace fusebox
