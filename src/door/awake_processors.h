// Keeps idle processors from halting while requests come fast.
//
// A program that waits for a reply leaves its processor idle, and so does a server that waits for a request.  A virtual
// machine halts such a processor, and waking it again takes 20 to 50 us: more than serving the request.  While the
// request for a low latency stands (the kernel's Documentation/power/pm_qos_interface.rst), an idle processor looks for
// work instead.  It gives way to any program at once, so only power is spent, and only while requests come fast.
// docs/decisions/0003-awake-processors.md has the figures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fusebox/fd.h"

namespace fusebox::door {

// What to write to /dev/cpu_dma_latency so that waking a processor costs little: the longest wake-up in microseconds,
// by the driver that puts processors to sleep (/sys/devices/system/cpu/cpuidle/current_driver).  None: nothing helps.
std::optional<std::int32_t> wake_up_to_ask_for(const std::string& idle_driver);

// One thread.  Ends with the process, whatever ends that: the kernel forgets the request with its descriptor.
class AwakeProcessors {
 public:
  // The kernel's device is the root user's alone: for others, and where nothing helps, this does nothing.
  static AwakeProcessors of_this_machine();

  AwakeProcessors(std::string device, std::optional<std::int32_t> microseconds);

  // Whether look() can do anything.
  bool possible() const;

  // `requests` have come in until `now` (nanoseconds, of a clock that only goes on).  Processors are kept awake from
  // the first look on, and from then while at least one in two milliseconds came since the look before.
  void look(std::uint64_t requests, std::int64_t now);

  bool kept() const { return static_cast<bool>(request_); }

 private:
  void keep();

  std::string device_;
  std::optional<std::int32_t> microseconds_;
  Fd request_;
  std::uint64_t requests_ = 0;
  std::int64_t looked_ = 0;
};

}  // namespace fusebox::door
