// Answers that are a piece of what one has in memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "fusebox/result.h"

#pragma GCC visibility push(default)
namespace fusebox {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// What a read of `contents` from `offset` on gives; the number of bytes, none from the end on.
inline std::size_t copy_from(std::span<const std::byte> contents, std::uint64_t offset, std::span<std::byte> into) {
  if (offset >= contents.size()) return 0;
  const std::size_t count = std::min<std::size_t>(into.size(), contents.size() - offset);
  std::memcpy(into.data(), contents.data() + offset, count);
  return count;
}
inline std::size_t copy_from(std::string_view contents, std::uint64_t offset, std::span<std::byte> into) {
  return copy_from(bytes_of(contents), offset, into);
}

// What getxattr(2) and listxattr(2) give: the length alone where there is no room at all, else all of it, or ERANGE.
inline Result<std::size_t> copy_whole(std::span<const std::byte> value, std::span<std::byte> into) {
  if (into.empty()) return value.size();
  if (into.size() < value.size()) return fail(Errno::out_of_range);
  copy_from(value, 0, into);
  return value.size();
}

}  // namespace fusebox
#pragma GCC visibility pop
