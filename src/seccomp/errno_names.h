// "EPERM" as a number.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fusebox::seccomp {

std::optional<std::uint16_t> errno_of(std::string_view name);

}  // namespace fusebox::seccomp
