// The last steps of a boxed command before its own first instruction, and its exec.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "box/box.h"
#include "box/seccomp_floor.h"
#include "box/signals.h"
#include "fusebox/fault.h"

namespace fusebox::box {

struct CommandPlan {
  const std::vector<std::string>& command;
  const Filter& filter;
  const OwnFilter& own_filter;
  DeviceNodes device_nodes;
  const Dispositions& dispositions;   // what the command starts with
  const std::vector<int>& inherited;  // what stays open for it, besides 0, 1 and 2
  int terminal;                       // given to the command if not negative
};

// In a fork of the box's init: gives up every power that the box or the host could suffer from, and executes. Comes
// back only with the reason why it could not: 127 not found, 126 found and not executable, 125 the rest.
Fault become_command(const CommandPlan& plan);

}  // namespace fusebox::box
