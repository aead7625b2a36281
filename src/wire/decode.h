// Takes the bytes of a request apart, never reading outside them.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "fusebox/name.h"
#include "fusebox/request.h"
#include "fusebox/result.h"
#include "wire/abi.h"

namespace fusebox::wire {

// Reads a request's arguments in order.  Whatever is missing or malformed gives EIO (a name that no file can have: what
// Name::parse says); the caller gives up the request then.
class ArgumentReader {
 public:
  explicit ArgumentReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class T>
    requires std::is_trivially_copyable_v<T>
  Result<T> take() {
    if (rest_.size() < sizeof(T)) return fail(Errno::io);
    T value;
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }

  // Text up to a NUL, which stays in memory behind it.
  Result<std::string_view> take_string();
  Result<Name> take_name();
  Result<std::span<const std::byte>> take_bytes(std::size_t count);

 private:
  std::span<const std::byte> rest_;
};

// The header of a request, its arguments, and the extensions behind them.
struct Message {
  InHeader header{};
  std::span<const std::byte> arguments;
  std::span<const std::byte> extensions;
};

// What comes with a request that makes something.  Texts and values refer to the request's bytes.
struct Extensions {
  std::vector<SecurityContext> security_contexts;
  std::vector<gid_t> supplementary_groups;
};

// Blocks of unknown kinds are passed over; from the first malformed one on nothing is taken.
Extensions decode_extensions(std::span<const std::byte> bytes);

// EIO when the bytes are no request: too short, or a length that does not agree with them.
Result<Message> decode_message(std::span<const std::byte> bytes);

}  // namespace fusebox::wire
