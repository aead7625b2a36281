#include "wire/decode.h"

namespace fusebox::wire {

Result<std::string_view> ArgumentReader::take_string() {
  const void* end = rest_.empty() ? nullptr : std::memchr(rest_.data(), 0, rest_.size());
  if (end == nullptr) return fail(Errno::io);
  const auto length = static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest_.data());
  const std::string_view text(reinterpret_cast<const char*>(rest_.data()), length);
  rest_ = rest_.subspan(length + 1);
  return text;
}

Result<Name> ArgumentReader::take_name() {
  const Result<std::string_view> text = take_string();
  if (!text) return fail(text.error());
  return Name::parse(*text);
}

Result<std::span<const std::byte>> ArgumentReader::take_bytes(std::size_t count) {
  if (rest_.size() < count) return fail(Errno::io);
  const auto bytes = rest_.first(count);
  rest_ = rest_.subspan(count);
  return bytes;
}

Result<Message> decode_message(std::span<const std::byte> bytes) {
  Message message;
  if (bytes.size() < sizeof(InHeader)) return fail(Errno::io);
  std::memcpy(&message.header, bytes.data(), sizeof(InHeader));
  const std::size_t extensions = std::size_t{message.header.total_extlen} * 8;
  if (message.header.len != bytes.size() || extensions > bytes.size() - sizeof(InHeader)) return fail(Errno::io);
  message.arguments = bytes.subspan(sizeof(InHeader), bytes.size() - sizeof(InHeader) - extensions);
  return message;
}

}  // namespace fusebox::wire
