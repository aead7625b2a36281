// What `fusebox run --device-nodes` takes.
#pragma once

#include <string>

#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::cli {

// To be asked before anything is made.  `keeps_all`: --cow.
Outcome<> check_device_nodes(bool keeps_all);

// Can nodes be made in `box`, the directory of a box at `path`, and does nobody else reach them there?  Tries it.
Outcome<> check_place_of_device_nodes(const Fd& box, const std::string& path);

}  // namespace fusebox::cli
