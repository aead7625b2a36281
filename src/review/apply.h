// Making the host equal to a box (review layer).
//
// Each file of the host is its old self or the box's at any moment, whatever kills the process or the machine.  What
// has been made, and is durable, is taken out of the box; so a second apply goes on where the first was ended.
#pragma once

#include <string>
#include <vector>

#include "review/change.h"
#include "review/layers.h"
#include "review/scan.h"
#include "review/selection.h"

namespace fusebox::review {

struct ApplyOptions {
  Selection selection{};
  bool force = false;         // also where the host has changed since
  bool device_nodes = false;  // also those that the selection does not name
};

// How it went: `refused` where a file of the host has changed since the box took it.
struct ApplyResult {
  std::vector<Change> applied{};
  std::vector<Change> refused{};
};

// What scan() found and the selection covers.  Empty selections cover all; one that names what has not changed is a
// Fault.
Outcome<std::vector<Change>> select(std::vector<Change> changes, const Selection& selection);

// A Fault where a device node is to be made, or changed, that the selection does not name as such: whoever may open it
// on the host has its device, and a box may have made it for that.
Outcome<> check_devices(const std::vector<Change>& changes, const ApplyOptions& options);

// `changes`: what is to be made, of a scan just now; nothing is done where one of them is in conflict, unless forced.
// `word`: unguessable, and the same after an interruption (layers.interrupted).  `done` is told of each change.
Outcome<ApplyResult> apply(const Layers& layers, const Tree& work, const std::string& word, std::vector<Change> changes,
                           const ApplyOptions& options, const Progress& progress);

}  // namespace fusebox::review
