// Makes a detached mount the root of the calling process's mount namespace, with /proc, /sys and /dev as a box has
// them.
#pragma once

#include <cerrno>
#include <string>
#include <utility>

#include "box/box.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox::box {

// For the init of a box, alone in new mount, pid and IPC namespaces, before it lets anything else run. What takes time
// and needs no root yet is made first, while the root's server comes up: a directory with the box's /proc, /sys and
// /dev in it. On failure, here and below, the process is somewhere in between, and has to end.
Outcome<Fd> prepare_mounts(Network network);

// Moves those to where they belong. Afterwards nothing leads to the former root, and `directory` is the working
// directory.
Outcome<> enter_root(const Fd& root, const Fd& prepared, const std::string& directory);

// The parts, each mounted below `root`. Where the root has no directory for it, there is nothing to do.
Outcome<> mount_proc(const Fd& root);
Outcome<> mount_sys(const Fd& root, Network network);
Outcome<> mount_dev(const Fd& root);

// A Fault for `what` with the text of `error`.
inline Fault fault_of_errno(std::string what, Errno error) {
  errno = static_cast<int>(error);
  return fault_with_errno(std::move(what));
}

}  // namespace fusebox::box
