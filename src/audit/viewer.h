// Shows a log: reads lines from one descriptor, writes those that are asked for to another.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "audit/filter.h"
#include "fusebox/fault.h"

namespace fusebox::audit {

struct View {
  Filter filter{};
  bool json = false;  // the lines as they are in the file, not for people
};

// Streams: memory does not grow with the log.  A line that cannot be read goes to `complain`, as "line 12: why", and
// the others are still shown; their number is the result.  That nobody reads `out` any more (EPIPE) is an early end,
// not a fault.  Owns neither descriptor.
Outcome<std::uint64_t> show_log(int in, int out, const View& view,
                                const std::function<void(const std::string&)>& complain);

}  // namespace fusebox::audit
