// How a box gets the rights that it takes to make one.
#pragma once

#include "fusebox/fault.h"

namespace fusebox::box {

// Says whether this process may make namespaces and mounts, and why not. The one place that maps ids: whoever makes
// boxes without root gives them a user namespace here.
Outcome<> acquire_rights();

}  // namespace fusebox::box
