// The profiles that are shipped inside the program (profiles/*.toml), so that they are there wherever it runs.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace fusebox::policy {

// In the order in which messages name them.
std::span<const std::string_view> profile_names();

// Its TOML text; nullopt where there is none of that name.
std::optional<std::string_view> profile_text(std::string_view name);

}  // namespace fusebox::policy
