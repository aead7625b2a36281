// Copying what a directory of a box shows of the host into the box itself (review layer).
#pragma once

#include "review/layers.h"

namespace fusebox::review {

// All that `directory` shows of its base and has not of its own, however deep; durable on return.  Each name appears
// whole, and shows what it showed before: an interruption does no harm.
Outcome<> copy_up_all(const Layers& layers, const Tree& work, const Directory& directory, const Progress& progress);

}  // namespace fusebox::review
