// What /proc shows of the process behind a thread: enough to tell process images apart.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fusebox/fd.h"

namespace fusebox::audit {

// The same for all threads of a process, until it executes something else, or its parent ends.
struct Image {
  pid_t pid = 0;                  // thread group
  std::uint64_t start_time = 0;   // of the thread group, in clock ticks since boot: tells a reused number
  std::uint64_t start_stack = 0;  // changes with exec; 0 where we may not know
  pid_t parent = 0;               // of the thread group
  std::string exe{};              // empty where it cannot be known (kernel threads, missing rights)
  bool operator==(const Image&) const = default;
};

// `proc` is a descriptor of /proc.  Nothing where there is no such thread (any more).
std::optional<Image> look_at(const Fd& proc, pid_t tid);

// Fields 4, 22 and 28 of proc_pid_stat(5), whatever bytes the command's name holds.
bool parse_stat(std::string_view text, Image& image);

}  // namespace fusebox::audit
