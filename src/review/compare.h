// In what a file of the box differs from the host's of the same type (review layer).
#pragma once

#include <string_view>

#include "review/change.h"
#include "review/marks.h"

namespace fusebox::review {

enum class Thoroughness {
  exact,  // reads both files whole where their sizes are equal
  quick   // takes files of equal size and time of modification for equal
};

// `entry` is the box's, at `path`.  Links are not looked at, nor the times of directories.
Result<Aspects> differences(const Tree& upper, std::string_view path, const Entry& entry, const Tree& host,
                            std::string_view host_path, const Status& host_status, Thoroughness thoroughness);

}  // namespace fusebox::review
