// Directories that a box renamed: which of them the host can rename too (review layer).
#pragma once

#include "review/host_writer.h"
#include "review/layers.h"
#include "review/selection.h"
#include "review/upper_writer.h"

namespace fusebox::review {

// Makes the renames that are chosen, each by one rename(2) on the host.  Where that cannot be, or where only one end of
// a rename is chosen, what the directory showed of the host is copied into the box instead, and its old place is a
// removal like any other.  Returns the number of renames that were so settled, one way or the other.
Outcome<std::size_t> settle_renames(const Layers& layers, const UpperWriter& upper, const HostWriter& host,
                                    const Selection& selection, const Progress& progress);

}  // namespace fusebox::review
