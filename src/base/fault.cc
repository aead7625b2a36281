#include "fusebox/fault.h"

#include <cerrno>
#include <cstring>

#include "base/utf8.h"

namespace fusebox {
namespace {

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
    const bool control =
        first < 0x20 || first == 0x7f || (length == 2 && first == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0);
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
