// Before the host's directory changes for the first time (review layer).
#pragma once

#include <string_view>

#include "review/layers.h"
#include "review/upper_writer.h"

namespace fusebox::review {

// Writes down with the box's directory which time of modification the host's has to have in the end, and, where the
// host has not changed its attributes, what they were: both could not be told later.  Once is enough.
Outcome<> begin_directory(const Layers& layers, const UpperWriter& upper, std::string_view path);

}  // namespace fusebox::review
