#include "base/utf8.h"

namespace fusebox {

namespace {

// A sequence of two to four bytes: its length, and the bounds of its second byte, which leave out overlong forms,
// surrogates and what lies above U+10FFFF (RFC 3629, section 4).
struct Form {
  unsigned char first_low, first_high, second_low, second_high;
  std::size_t length;
};

constexpr Form kForms[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

bool has_form(std::string_view bytes, const Form& form) {
  const auto is_within = [&](std::size_t i, unsigned char low, unsigned char high) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    return byte >= low && byte <= high;
  };
  if (bytes.size() < form.length || !is_within(0, form.first_low, form.first_high)) return false;
  if (!is_within(1, form.second_low, form.second_high)) return false;
  for (std::size_t i = 2; i < form.length; ++i) {
    if (!is_within(i, 0x80, 0xbf)) return false;
  }
  return true;
}

}  // namespace

std::size_t utf8_length(std::string_view bytes) {
  if (static_cast<unsigned char>(bytes[0]) < 0x80) return 1;
  for (const Form& form : kForms) {
    if (has_form(bytes, form)) return form.length;
  }
  return 0;
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace fusebox
