// Made by hand: this runs once per recorded access, and a JSON library's tree of values costs ten times as much.
#include "audit/line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <ctime>
#include <string_view>

#include "audit/symbols.h"
#include "base/base64.h"
#include "base/utf8.h"
#include "fusebox/fault.h"

namespace fusebox::audit {
namespace {

constexpr auto kIsPlain = [] {
  std::array<bool, 256> plain{};
  for (unsigned byte = 0x20; byte < 0x7f; ++byte) plain[byte] = byte != '"' && byte != '\\';
  return plain;
}();

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return kIsPlain[static_cast<unsigned char>(c)]; });
}

template <std::integral T>
void append_number(std::string& out, T value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_unicode_escape(std::string& out, unsigned char byte) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

// `text` is UTF-8.  Control characters are escaped, U+007F to U+009F among them, which JSON would allow: some
// terminals obey them, and people do `cat` logs.
void append_escaped(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (kIsPlain[byte]) {
      out += text[i];
    } else if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[i];
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      append_unicode_escape(out, byte);
    } else if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      append_unicode_escape(out, static_cast<unsigned char>(text[++i]));
    } else {
      out += text[i];
    }
  }
}

void append_key(std::string& out, std::string_view key) {
  out += ",\"";
  out += key;
  out += "\":";
}

void append_word(std::string& out, std::string_view key, std::string_view word) {
  append_key(out, key);
  out += '"';
  out += word;
  out += '"';
}

// Bytes that anyone may have chosen; nothing where there are none.
void append_bytes(std::string& out, std::string_view key, std::string_view bytes) {
  if (bytes.empty()) return;
  if (is_plain(bytes)) return append_word(out, key, bytes);
  append_key(out, key);
  out += '"';
  const bool utf8 = is_utf8(bytes);
  append_escaped(out, utf8 ? bytes : printable(bytes));
  out += '"';
  if (utf8) return;
  out += ",\"";
  out += key;
  out += "_b64\":\"";
  append_base64(out, bytes);
  out += '"';
}

void append_time(std::string& out, timespec time) {
  append_number(out, time.tv_sec);
  out += '.';
  std::array<char, 9> digits;
  auto left = static_cast<unsigned long>(time.tv_nsec);
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, left /= 10) {
    *digit = static_cast<char>('0' + left % 10);
  }
  out.append(digits.data(), digits.size());
}

void append_process(std::string& out, const Event& event) {
  if (event.process && event.process->pid != 0) {
    append_key(out, "pid");
    append_number(out, event.process->pid);
  }
  if (event.tid != 0) {
    append_key(out, "tid");
    append_number(out, event.tid);
  }
  append_key(out, "uid");
  append_number(out, event.uid);
  if (event.process) append_bytes(out, "exe", event.process->exe);
}

}  // namespace

void append_line(std::string& out, const Event& event, std::uint64_t seq) {
  out += "{\"t\":";
  append_time(out, event.time);
  append_key(out, "seq");
  append_number(out, seq);
  append_process(out, event);
  append_word(out, "op", to_string(event.op));
  append_bytes(out, "path", event.path);
  append_bytes(out, "to", event.to);
  if (event.op == Op::open || event.op == Op::exec || event.op == Op::create) {
    append_key(out, "flags");
    append_open_flags(out, event.flags);
  }
  append_word(out, "verdict", to_string(event.verdict));
  append_bytes(out, "rule", event.rule);
  if (event.error != 0) append_word(out, "errno", errno_name(event.error));
  if (event.op == Op::read || event.op == Op::write) {
    append_key(out, "bytes");
    append_number(out, event.bytes);
  }
  out += "}\n";
}

void append_line(std::string& out, const Undelivered& undelivered, std::uint64_t seq) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  out += "{\"t\":";
  append_time(out, now);
  append_key(out, "seq");
  append_number(out, seq);
  append_word(out, "op", "act");
  append_key(out, "event");
  append_number(out, undelivered.event);
  append_bytes(out, "path", undelivered.path);
  append_word(out, "verdict", "undelivered");
  append_bytes(out, "rule", undelivered.rule);
  append_bytes(out, "why", undelivered.why);
  out += "}\n";
}

}  // namespace fusebox::audit
