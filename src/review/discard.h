// Taking single changes out of a box (review layer).
#pragma once

#include <vector>

#include "review/change.h"
#include "review/host_writer.h"
#include "review/selection.h"
#include "review/upper_writer.h"

namespace fusebox::review {

// The box shows the host's files again at the chosen paths and below.  `changes`: those that are chosen; of a renamed
// directory both places are taken back, and with it all that was changed in it.
Outcome<> discard_changes(const Layers& layers, const UpperWriter& upper, const Selection& selection,
                          const std::vector<Change>& changes);

// Removes what an apply that was ended half-way may have left on the host under temporary names.
Outcome<> clear_leftovers(const Layers& layers, const HostWriter& host, const Progress& progress);

}  // namespace fusebox::review
