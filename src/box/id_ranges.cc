#include "box/id_ranges.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace fusebox::box {
namespace {

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Takes what is before `separator`, or everything, off the text.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

}  // namespace

std::vector<IdRange> subordinate_ranges(std::string_view text, std::string_view name, unsigned id) {
  std::vector<IdRange> ranges;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const std::string_view who = take_until(line, ':');
    const std::optional<unsigned> first = number(take_until(line, ':'));
    const std::optional<unsigned> count = number(line);
    if ((who != name && number(who) != id) || !first || !count || *count == 0) continue;
    if (*count > std::numeric_limits<unsigned>::max() - *first) continue;
    ranges.push_back({.first = *first, .count = *count});
  }
  return ranges;
}

std::vector<std::string> map_with_subordinates(unsigned own, const std::vector<IdRange>& ranges, unsigned end) {
  std::vector<std::string> words{"0", std::to_string(own), "1"};
  unsigned inside = 1;
  for (const IdRange& range : ranges) {
    if (inside >= end) break;
    const unsigned count = std::min(range.count, end - inside);
    words.insert(words.end(), {std::to_string(inside), std::to_string(range.first), std::to_string(count)});
    inside += count;
  }
  return words;
}

}  // namespace fusebox::box
