// Signals written down for later, by a handler that does nothing else.
#pragma once

#include <cstdint>
#include <optional>

#include "fusebox/result.h"

namespace fusebox::seccomp {

struct CaughtSignal {
  int number = 0;
  int code = 0;
  int pid = 0;  // who sent it; 0: the kernel
  int uid = 0;
  int call = 0;  // SIGSYS: the system call that was trapped
  std::uint32_t architecture = 0;
  std::uint64_t address = 0;  // SIGSYS: where the call was made
};

// From now on `signal` is written down, in all of the process.  A trapped call (SIGSYS) fails with ENOSYS.
Result<> catch_signal(int signal);

// The oldest that was not taken yet.  When nobody takes any, those after the 256th are lost.  For one thread.
std::optional<CaughtSignal> next_caught_signal();

}  // namespace fusebox::seccomp
