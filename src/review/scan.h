// All differences between a box and the host (review layer).
//
// Exactly what differs: a copy that equals the host's file is no change, nor is a directory that the box has only for
// the sake of what lies below it.  A box in use may be scanned; what vanishes meanwhile is passed over.
#pragma once

#include <vector>

#include "review/change.h"
#include "review/compare.h"
#include "review/layers.h"

namespace fusebox::review {

// In the order in which an apply makes them: parents before children, in each directory files before directories.
Outcome<std::vector<Change>> scan(const Layers& layers, Thoroughness thoroughness, const Progress& progress);

}  // namespace fusebox::review
