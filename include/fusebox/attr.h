// What stat(2) says of a file, and what chmod(2), chown(2), truncate(2) and utimensat(2) ask to change.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>

#pragma GCC visibility push(default)
namespace fusebox {

// How long the kernel may answer from its own memory; zero: it asks again every time.
using Validity = std::chrono::nanoseconds;

struct Attr {
  std::uint64_t ino = 0;     // what st_ino shows; not an identity (see Node::identity).  0: any number of its own
  std::uint64_t size = 0;    // bytes
  std::uint64_t blocks = 0;  // of 512 bytes
  timespec atime{};
  timespec mtime{};
  timespec ctime{};
  mode_t mode = 0;  // type and permission bits
  std::uint32_t nlink = 1;
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t rdev = 0;  // of a device file
  std::uint32_t blksize = 4096;
  std::optional<timespec> btime{};  // of birth, for those who ask with statx(2)
  Validity valid_for{};

  bool is_directory() const { return S_ISDIR(mode); }
  bool is_regular() const { return S_ISREG(mode); }
  bool is_symlink() const { return S_ISLNK(mode); }

  static Attr file(mode_t permissions, std::uint64_t size, Validity valid_for = {}) {
    Attr attr;
    attr.valid_for = valid_for;
    attr.mode = S_IFREG | permissions;
    attr.size = size;
    attr.blocks = (size + 511) / 512;
    return attr;
  }
  // The kernel asks for a directory's attributes before each walk through it, unless they are still valid.
  static Attr directory(mode_t permissions, Validity valid_for = {}) {
    Attr attr;
    attr.valid_for = valid_for;
    attr.mode = S_IFDIR | permissions;
    attr.nlink = 2;
    return attr;
  }
};

// A time to set: a moment, or the moment at which it is set (UTIME_NOW).
struct SetTime {
  bool now = false;
  timespec moment{};
};

// Absent members stay as they are.
struct SetAttr {
  std::optional<mode_t> mode{};  // permission bits
  std::optional<uid_t> uid{};
  std::optional<gid_t> gid{};
  std::optional<std::uint64_t> size{};
  std::optional<SetTime> atime{};
  std::optional<SetTime> mtime{};
  bool kill_suid_sgid = false;  // drop set-id bits, as a truncate by an unprivileged caller does
};

}  // namespace fusebox
#pragma GCC visibility pop
