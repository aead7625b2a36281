// The system calls that no boxed program gets, whatever its capabilities: a floor below namespaces and policy.
#pragma once

#include "box/box.h"
#include "fusebox/fault.h"
#include "seccomp/program.h"

namespace fusebox::box {

using Filter = seccomp::Program;

// Allows everything but the lists in seccomp_floor.cc, for the native and the compatible architectures (i386, x32):
// a program of any other one is killed. io_uring is allowed: its file operations come to the mirror like all others.
Outcome<Filter> seccomp_floor(Network network);

// Puts the calling thread, and whatever it executes, under `filter`, on top of those it is under already: of what they
// say, the strictest holds. Sets no_new_privs, which cannot be unset. `is_logged`: what the filter does not let pass is
// told to the kernel's log.
Outcome<> apply_filter(const Filter& filter, bool is_logged = false);

}  // namespace fusebox::box
