#include "policy/shape.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

namespace fusebox::policy {
namespace {

constexpr int kMostDotsInALine = 16;

// What is wrong with a line, outside of its strings and its comment, and at which byte.
struct Finding {
  std::size_t at = 0;
  Complaint complaint;
};

std::optional<Finding> look_at(std::string_view line) {
  int dots = 0;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == '"' && c == '\\') {
      ++i;
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      if (line.substr(i).starts_with(std::string(3, c)))
        return Finding{i, {"a string of several lines", "use \"...\""}};
      quote = c;
    } else if (c == '#') {
      return std::nullopt;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      return Finding{i, {"a byte outside of strings that is not ASCII", "write keys in ASCII and paths in quotes"}};
    } else if (c == '.' && ++dots > kMostDotsInALine) {
      return Finding{0, {"a key of too many parts", "write tables, as in [files]"}};
    }
  }
  return std::nullopt;
}

bool begins_key(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || c == '-' || c == '"' || c == '\'';
}

// "[" or "[[" at the beginning of a line: a name has to follow.  ("[]" is told well by the library.)
std::optional<Finding> look_at_header(std::string_view line) {
  constexpr std::string_view kBlanks = " \t";
  std::size_t at = line.find_first_not_of(kBlanks);
  if (at == std::string_view::npos || line[at] != '[') return std::nullopt;
  ++at;
  if (at < line.size() && line[at] == '[') ++at;
  at = std::min(line.find_first_not_of(kBlanks, at), line.size());
  if (at < line.size() && (begins_key(line[at]) || line[at] == ']')) return std::nullopt;
  return Finding{at, {"a table without a name", "as in [files]"}};
}

// The column, in characters, of a byte.
std::uint32_t column(std::string_view line, std::size_t at) {
  const auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return 1 + static_cast<std::uint32_t>(std::ranges::count_if(line.substr(0, at), starts_character));
}

}  // namespace

std::optional<ShapeError> check_shape(std::string_view text) {
  if (text.size() > kLargestPolicyFile) {
    return ShapeError{{"larger than 8 MiB", "write fewer rules, with * or **"}, {1, 1}};
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark is allowed
  std::uint32_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    auto finding = look_at(line);
    if (!finding) finding = look_at_header(line);
    if (finding) {
      return ShapeError{std::move(finding->complaint), {number, column(line, finding->at)}};
    }
  }
  return std::nullopt;
}

}  // namespace fusebox::policy
