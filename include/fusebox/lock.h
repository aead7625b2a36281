// Locks on open files: fcntl(2)'s on a range, flock(2)'s on the whole.
//
// They reach a file system only where MountOptions::locks says so; else the kernel keeps them, among the users of one
// mount.
#pragma once

#include <sys/types.h>

#include <cstdint>

#pragma GCC visibility push(default)
namespace fusebox {

// Who holds a lock, as the kernel numbers them: of fcntl's a process, of flock's an open file.  Means nothing else.
enum class LockOwner : std::uint64_t {};

enum class LockType : std::uint8_t { shared, exclusive, unlock };

enum class LockWait : std::uint8_t {
  no,          // EAGAIN where the lock is taken
  until_free,  // or until the caller gives up (EINTR)
};

struct FileLock {
  // To the end of the file, however long it grows (the kernel's OFFSET_MAX).
  static constexpr std::uint64_t kToEnd = 0x7fffffffffffffff;

  LockType type = LockType::unlock;
  std::uint64_t first = 0;  // byte
  std::uint64_t last = kToEnd;
  pid_t pid = 0;  // of the holder, as the server's pid namespace numbers it; 0 where it has no number there
};

}  // namespace fusebox
#pragma GCC visibility pop
