// What changed within a file, line by line (review layer).
#pragma once

#include <functional>
#include <string_view>

#include "review/change.h"
#include "review/layers.h"

namespace fusebox::review {

// Is there content of regular files to compare?
bool has_text(const Change& change);

// The output of diff(1) -u from the host's file to the box's, in pieces; one line where they are not text.
Outcome<> text_diff(const Layers& layers, const Change& change, const std::function<void(std::string_view)>& out);

}  // namespace fusebox::review
