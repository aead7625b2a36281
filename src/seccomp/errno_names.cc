#include "seccomp/errno_names.h"

#include <cstring>

namespace fusebox::seccomp {

std::optional<std::uint16_t> errno_of(std::string_view name) {
  constexpr int kLast = 133;  // EHWPOISON
  for (int number = 1; number <= kLast; ++number) {
    const char* const known = strerrorname_np(number);
    if (known != nullptr && name == known) return static_cast<std::uint16_t>(number);
  }
  return std::nullopt;
}

}  // namespace fusebox::seccomp
