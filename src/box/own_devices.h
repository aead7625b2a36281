// Devices that the caller hands in, opened anew from the box's /dev.
//
// A descriptor carries the mount that it was opened in: root in a box could change mode, owner and attributes of the
// host's own /dev/null by fchmod(2) and the like of his standard input, or let everybody read the caller's terminal. In
// the box's /dev each node is mounted read-only, and the kernel refuses that (EROFS).
#pragma once

#include <vector>

#include "fusebox/fd.h"

namespace fusebox::box {

// Exchanges those of the descriptors 0, 1, 2 and `inherited` that are devices of `dev`, the box's /dev. In the
// command's ancestor, whose descriptors are its own. What cannot be opened anew stays as it is: a terminal that the box
// has no name for, or that belongs to somebody else; any other device.
void exchange_devices(const Fd& dev, const std::vector<int>& inherited);

}  // namespace fusebox::box
