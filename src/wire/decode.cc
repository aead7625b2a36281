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
  message.extensions = bytes.last(extensions);
  return message;
}

namespace {

// As many contexts as the block's type says; each one's value is padded to eight bytes with what comes before it.
Result<> take_security_contexts(ArgumentReader block, std::uint32_t count, std::vector<SecurityContext>& into) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto head = block.take<SecurityContextHeader>();
    if (!head) return fail(head.error());
    const auto name = block.take_string();
    if (!name) return fail(name.error());
    const auto value = block.take_bytes(head->size);
    if (!value) return fail(value.error());
    into.push_back({.name = *name, .value = *value});
    const std::size_t used = sizeof(*head) + name->size() + 1 + value->size();
    if (const auto padding = block.take_bytes(-used % 8); !padding && i + 1 < count) return fail(padding.error());
  }
  return {};
}

Result<> take_groups(ArgumentReader block, std::vector<gid_t>& into) {
  const auto count = block.take<std::uint32_t>();
  if (!count) return fail(count.error());
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto group = block.take<std::uint32_t>();
    if (!group) return fail(group.error());
    into.push_back(*group);
  }
  return {};
}

}  // namespace

Extensions decode_extensions(std::span<const std::byte> bytes) {
  Extensions extensions;
  while (bytes.size() >= sizeof(ExtensionHeader)) {
    ExtensionHeader header{};
    std::memcpy(&header, bytes.data(), sizeof(header));
    if (header.size < sizeof(header) || header.size > bytes.size()) break;
    const ArgumentReader block(bytes.subspan(sizeof(header), header.size - sizeof(header)));
    const std::size_t contexts = extensions.security_contexts.size();
    const std::size_t groups = extensions.supplementary_groups.size();
    Result<> taken;
    if (header.type <= kMostSecurityContexts) {
      taken = take_security_contexts(block, header.type, extensions.security_contexts);
    } else if (header.type == kSupplementaryGroups) {
      taken = take_groups(block, extensions.supplementary_groups);
    }
    if (!taken) {
      extensions.security_contexts.resize(contexts);
      extensions.supplementary_groups.resize(groups);
      break;
    }
    bytes = bytes.subspan(header.size);
  }
  return extensions;
}

}  // namespace fusebox::wire
