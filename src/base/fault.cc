#include "base/fault.h"

#include <cerrno>
#include <cstring>

namespace fusebox {
namespace {

// Length of the valid UTF-8 sequence at the head of `bytes`, 0 if there is none (RFC 3629, section 4).
std::size_t utf8_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const auto continues = [&](std::size_t i) { return i < bytes.size() && (at(i) & 0xc0) == 0x80; };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    const bool overlong = first == 0xe0 && at(1) < 0xa0;
    const bool surrogate = first == 0xed && at(1) > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    const bool overlong = first == 0xf0 && at(1) < 0x90;
    const bool too_large = first == 0xf4 && at(1) > 0x8f;
    return overlong || too_large ? 0 : 4;
  }
  return 0;
}

void append_escaped(std::string& out, unsigned char byte) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\x";
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

}  // namespace

std::string printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    const auto first = static_cast<unsigned char>(bytes[0]);
    // C1 controls (U+0080 to U+009F) are two bytes that some terminals obey.
    const bool control = first < 0x20 || first == 0x7f ||
                         (length == 2 && first == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0);
    if (length == 0 || control) {
      append_escaped(out, first);
      bytes.remove_prefix(1);
    } else {
      out.append(bytes.substr(0, length));
      bytes.remove_prefix(length);
    }
  }
  return out;
}

std::string Fault::line() const {
  std::string text = printable(what);
  if (!why.empty()) text += ": " + printable(why);
  if (!remedy.empty()) text += " (" + printable(remedy) + ")";
  return text;
}

Fault fault_with_errno(std::string what, std::string remedy) {
  return Fault{.what = std::move(what), .why = std::strerror(errno), .remedy = std::move(remedy)};
}

}  // namespace fusebox
