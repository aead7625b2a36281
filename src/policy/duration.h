// "250ms", "10s", "2m": lengths of time in the configuration.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace fusebox::policy {

// A whole number and ms, s or m; up to an hour.  Nothing: not understood.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// In the largest unit that holds it exactly.
std::string to_string(std::chrono::milliseconds duration);

}  // namespace fusebox::policy
