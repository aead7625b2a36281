// Docker's conditions on a rule: `includes` and `excludes`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "seccomp/circumstances.h"
#include "seccomp/json_place.h"

namespace fusebox::seccomp {

struct ConditionSet {
  std::vector<std::string> capabilities;
  std::vector<std::string> architectures;  // "amd64"
  std::optional<KernelVersion> min_kernel;

  bool is_empty() const { return capabilities.empty() && architectures.empty() && !min_kernel; }
};

ConditionSet read_conditions(const JsonPlace& place);

// A rule holds where all of what it includes is true: each capability, one of the architectures, the kernel.
bool includes_hold(const ConditionSet& conditions, const Circumstances& circumstances);

// A rule does not hold where any of what it excludes is true.
bool excludes_hold(const ConditionSet& conditions, const Circumstances& circumstances);

}  // namespace fusebox::seccomp
