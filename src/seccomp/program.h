// A filter as the kernel takes it.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace fusebox::seccomp {

// A value that may be made before fork(2) and used after it.
using Program = std::vector<sock_filter>;

}  // namespace fusebox::seccomp
