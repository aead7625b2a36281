// Process 1 of a box: builds the box's root when told to, runs the command, reaps what others leave behind, and ends
// with the command, whereupon the kernel ends everything else in the pid namespace.
//
// It holds full rights and no seccomp filter, so nothing in the box may reach it: not dumpable (no ptrace, no
// /proc/1/fd, as the box lacks CAP_SYS_PTRACE), immune to signals from inside (pid_namespaces(7)), no descriptor but
// its channel and the terminal.
#pragma once

#include <vector>

#include "box/box.h"
#include "box/seccomp_floor.h"
#include "box/signals.h"

namespace fusebox::box {

struct InitPlan {
  const Plan& plan;
  const Dispositions& dispositions;
  int supervisor;                     // the channel
  int terminal;                       // -1: none
  const std::vector<int>& inherited;  // for the command
};

// Runs in the first process of the new namespaces. If the supervisor ends, so does it.
[[noreturn]] void run_init(const InitPlan& plan);

}  // namespace fusebox::box
