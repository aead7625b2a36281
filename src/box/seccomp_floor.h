// The system calls that no boxed program gets, whatever its capabilities: a floor below namespaces and policy.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "box/box.h"
#include "fusebox/fault.h"

namespace fusebox::box {

// A compiled filter; a value that may be made before fork(2) and used after it.
using Filter = std::vector<sock_filter>;

// Allows everything but the lists in seccomp_floor.cc, for the native and the compatible architectures (i386, x32):
// a program of any other one is killed. io_uring is allowed: its file operations come to the mirror like all others.
Outcome<Filter> seccomp_floor(Network network);

// Puts the calling thread, and whatever it executes, under `filter`. Sets no_new_privs, which cannot be unset.
Outcome<> apply_filter(const Filter& filter);

}  // namespace fusebox::box
