// The part of our Ruby library that is written in Ruby (src/ruby/prelude/*.rb), inside the program.
#pragma once

#include <span>
#include <string_view>

#include "base/embedded.h"

namespace fusebox::ruby {

// In the order in which they are loaded.
std::span<const EmbeddedText> prelude();

// Whether a frame of a backtrace, or the name of a file, is of Ruby code that came with Fusebox.
inline bool is_prelude(std::string_view frame) { return frame.starts_with("fusebox:"); }

}  // namespace fusebox::ruby
