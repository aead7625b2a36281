#include "policy/shape.h"

#include <algorithm>
#include <string>

namespace fusebox::policy {
namespace {

constexpr int kMostDotsInALine = 16;

// What one line holds outside of its strings and its comment.
struct Line {
  int dots = 0;
  std::size_t long_string = std::string_view::npos;  // where a string of several lines starts
};

Line look_at(std::string_view line) {
  Line seen;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == '"' && c == '\\') {
      ++i;
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      if (line.substr(i).starts_with(std::string(3, c))) {
        seen.long_string = i;
        return seen;
      }
      quote = c;
    } else if (c == '#') {
      return seen;
    } else if (c == '.') {
      ++seen.dots;
    }
  }
  return seen;
}

}  // namespace

std::optional<ShapeError> check_shape(std::string_view text) {
  if (text.size() > kLargestPolicyFile) {
    return ShapeError{{"larger than 8 MiB", "write fewer rules, with * or **"}, {1, 1}};
  }
  std::uint32_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    const Line seen = look_at(line);
    if (seen.long_string != std::string_view::npos) {
      const auto column = static_cast<std::uint32_t>(seen.long_string + 1);
      return ShapeError{{"a string of several lines", "use \"...\""}, {number, column}};
    }
    if (seen.dots > kMostDotsInALine)
      return ShapeError{{"a key of too many parts", "write [files], [audit] or [box]"}, {number, 1}};
  }
  return std::nullopt;
}

}  // namespace fusebox::policy
