#include "policy/duration.h"

#include <array>
#include <charconv>
#include <utility>

namespace fusebox::policy {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongest = std::chrono::hours(1);

// "ms" before "s", which it ends with too.
constexpr auto kUnits = std::to_array<std::pair<std::string_view, milliseconds>>(
    {{"ms", milliseconds(1)}, {"s", std::chrono::seconds(1)}, {"m", std::chrono::minutes(1)}});

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  for (const auto& [unit, length] : kUnits) {
    if (!text.ends_with(unit)) continue;
    text.remove_suffix(unit.size());
    unsigned count = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), count);
    if (error != std::errc() || end != text.end() || count > kLongest / length) return std::nullopt;
    return count * length;
  }
  return std::nullopt;
}

std::string to_string(milliseconds duration) {
  if (duration == milliseconds::zero()) return "0s";
  for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
    if (duration % unit->second != milliseconds::zero()) continue;
    return std::to_string(duration / unit->second) + std::string(unit->first);
  }
  std::unreachable();  // milliseconds divide everything
}

}  // namespace fusebox::policy
