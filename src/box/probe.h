// What this machine offers a box, found out by trying wherever trying leaves nothing behind.
#pragma once

#include <string>
#include <vector>

#include "fusebox/fault.h"

namespace fusebox::box {

enum class Offer { ok, limited, missing };

struct Finding {
  std::string name;  // a word or two: "fuse device"
  Offer offer = Offer::ok;
  std::string meaning;    // what was found, and what that means for a box
  std::string remedy;     // what to do about it; empty where nothing is to be done
  bool required = false;  // without it, `fusebox run` cannot work here
};

// Takes a few milliseconds. For a single-threaded process, which ends soon: it forks, and where it has no rights it
// enters a user namespace, as a box's maker would.
std::vector<Finding> probe_machine();

// True when nothing that is required is missing.
bool can_make_boxes(const std::vector<Finding>& findings);

// Lets FUSE use io_uring until the next boot. Needs root.
Outcome<> enable_fuse_over_io_uring();

}  // namespace fusebox::box
