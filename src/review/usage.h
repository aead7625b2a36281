// How much disk the changes of a box take (review layer).
#pragma once

#include <cstdint>

#include "fusebox/fault.h"
#include "review/tree.h"

namespace fusebox::review {

// Bytes of all files below the top, each counted once.
Outcome<std::uint64_t> bytes_used(const Tree& tree);

}  // namespace fusebox::review
