// What goes with a file of the host that a box removed or replaced (review layer).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "review/layers.h"

namespace fusebox::review {

struct Survey {
  std::uint64_t entries = 0;  // below it
  // A file, anywhere in it, that changed after the moment asked for: not a directory, as those change with what is
  // taken out of them.
  bool has_changed = false;
  std::string changed{};
  bool has_mount = false;  // another file system begins at it or below
};

Result<Survey> survey(const Layers& layers, const std::string& path, const Status& status, const timespec& since);

}  // namespace fusebox::review
