// Which paths of a box are meant (review layer; pure).
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "review/change.h"

namespace fusebox::review {

// Paths from the root on, without a slash at the front; none at all means all.
struct Selection {
  std::vector<std::string> paths{};

  bool covers(std::string_view path) const {
    return paths.empty() || std::ranges::any_of(paths, [&](const auto& chosen) { return is_within(path, chosen); });
  }
  bool covers(const Change& change) const {
    return covers(change.path) || (change.kind == Kind::renamed && covers(change.from));
  }
  // Is there anything chosen at `path`, below it, or above?
  bool touches(std::string_view path) const {
    return covers(path) || std::ranges::any_of(paths, [&](const auto& chosen) { return is_within(chosen, path); });
  }
};

}  // namespace fusebox::review
