// The caller's descriptors 0, 1 and 2, made safe to hand to a command that must not get out of its box by them.
//
// A descriptor of the host's files is a way around the mirrored root: `openat` walks from a directory to anywhere, and
// /proc/self/fd/0 opens a file again, for writing too if the command is root, although the shell opened it for reading
// (proc(5), magic links). So directories and block devices are refused, and a regular file opened for reading alone is
// opened anew through a read-only mount of itself, where the kernel refuses every change (EROFS), also of its mode.
// What the caller opened for writing is the command's to write. Pipes, sockets and terminals lead nowhere else.
#pragma once

#include <array>

#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::box {

class HandedIn {
 public:
  // For the caller, before it forks. Needs CAP_SYS_ADMIN.
  static Outcome<HandedIn> secure();

  // In the command's ancestor: puts the safe ones in place.
  bool take_over() const;

  // In the caller, when the command has ended: it has read as far as the command has, as if they had shared a file.
  void hand_back() const;

 private:
  std::array<Fd, 3> substitutes_;  // empty: handed in as it is
};

}  // namespace fusebox::box
