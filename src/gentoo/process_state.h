// What /proc says of a process that matters to whose settings it has.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "fusebox/fd.h"

namespace fusebox::gentoo {

// In clock ticks since boot: tells a reused number.  `proc` is a descriptor of /proc.  Nothing where there is no such
// process (any more).
std::optional<std::uint64_t> start_time_of(const Fd& proc, pid_t pid);

// Its environment as of its exec: variables with a NUL behind each.  Empty where it cannot be read.
std::string environment_of(const Fd& proc, pid_t pid);

// Its arguments, likewise.
std::string command_line_of(const Fd& proc, pid_t pid);

}  // namespace fusebox::gentoo
