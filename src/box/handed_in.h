// The caller's descriptors 0, 1 and 2, and others on request, made safe to hand to a command that must not get out of
// its box by them.
//
// A descriptor of the host's files is a way around the mirrored root: `openat` walks from a directory to anywhere, and
// /proc/self/fd/0 opens a file again, for writing too if the command is root, although the shell opened it for reading
// (proc(5), magic links). So directories and block devices are refused, and a regular file opened for reading alone is
// opened anew through a read-only mount of itself, where the kernel refuses every change (EROFS), also of its mode.
// What the caller opened for writing is the command's to write. Pipes and sockets lead nowhere else; terminals and
// /dev/null are opened anew later (own_devices.h).
//
// A refused descriptor is a Fault where it is one of the first three, and is not handed in where it is another one.
#pragma once

#include <vector>

#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::box {

class HandedIn {
 public:
  // For the caller, before it forks. Needs CAP_SYS_ADMIN. `inherited`: others than the first three.
  static Outcome<HandedIn> secure(const std::vector<int>& inherited);

  // Those of `inherited` that are handed in.
  const std::vector<int>& inherited() const { return inherited_; }

  // In the command's ancestor: puts the safe ones in place.
  bool take_over() const;

  // In the caller, when the command has ended: it has read as far as the command has, as if they had shared a file.
  void hand_back() const;

 private:
  struct Substitute {
    int number;
    Fd fd;
  };
  std::vector<Substitute> substitutes_;  // of those that are not handed in as they are
  std::vector<int> inherited_;
};

}  // namespace fusebox::box
