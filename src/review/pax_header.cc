#include "review/pax_header.h"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "base/utf8.h"

namespace fusebox::review {
namespace {

constexpr char kExtended = 'x';

struct Field {
  std::size_t at;
  std::size_t length;
};
constexpr Field kName{.at = 0, .length = 100};
constexpr Field kMode{.at = 100, .length = 8};
constexpr Field kUid{.at = 108, .length = 8};
constexpr Field kGid{.at = 116, .length = 8};
constexpr Field kSize{.at = 124, .length = 12};
constexpr Field kMtime{.at = 136, .length = 12};
constexpr Field kChecksum{.at = 148, .length = 8};
constexpr Field kType{.at = 156, .length = 1};
constexpr Field kLink{.at = 157, .length = 100};
constexpr Field kMagic{.at = 257, .length = 8};
constexpr Field kMajor{.at = 329, .length = 8};
constexpr Field kMinor{.at = 337, .length = 8};

void put(std::string& block, Field field, std::string_view text) {
  block.replace(field.at, std::min(field.length, text.size()), text.substr(0, field.length));
}

// Octal digits and a NUL.
constexpr bool fits(Field field, std::uint64_t number) { return number >> (3 * (field.length - 1)) == 0; }

// What does not fit stands in the extended header.
void put(std::string& block, Field field, std::uint64_t number) {
  put(block, field, fmt::format("{:0{}o}", fits(field, number) ? number : 0, field.length - 1));
}

std::string ustar(std::string_view name, char type, mode_t permissions, std::uint64_t size) {
  std::string block(kTarBlock, '\0');
  put(block, kName, name);
  put(block, kMode, permissions);
  put(block, kUid, 0);
  put(block, kGid, 0);
  put(block, kSize, size);
  put(block, kMtime, 0);
  put(block, kType, std::string_view(&type, 1));
  put(block, kMagic, std::string_view("ustar\00000", 8));
  put(block, kMajor, 0);
  put(block, kMinor, 0);
  return block;
}

std::string sealed(std::string block) {
  put(block, kChecksum, std::string_view("        "));
  const auto add = [](unsigned sum, char byte) { return sum + static_cast<unsigned char>(byte); };
  put(block, kChecksum, fmt::format("{:06o}", std::accumulate(block.begin(), block.end(), 0U, add)) + '\0');
  return block;
}

// "LENGTH KEY=VALUE\n", where the length counts its own digits.
void add_record(std::string& records, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  records += fmt::format("{} {}=", length, key);
  records.append(value).push_back('\n');
}

// A key ends at its first '='; GNU tar writes it so in an attribute's name, and reads it back.
std::string attribute_key(std::string_view name) {
  std::string key = "SCHILY.xattr.";
  for (const char letter : name) {
    if (letter == '=') {
      key += "%3D";
    } else if (letter == '%') {
      key += "%25";
    } else {
      key += letter;
    }
  }
  return key;
}

// Before 1970 the nanoseconds count backwards here, and forwards in the kernel.
std::string time_text(const timespec& time) {
  constexpr long kSecond = 1'000'000'000;
  if (time.tv_sec >= 0 || time.tv_nsec == 0) return fmt::format("{}.{:09}", time.tv_sec, time.tv_nsec);
  return fmt::format("-{}.{:09}", -(time.tv_sec + 1), kSecond - time.tv_nsec);
}

bool is_whole_and_fits(const timespec& time) {
  return time.tv_nsec == 0 && time.tv_sec >= 0 && fits(kMtime, static_cast<std::uint64_t>(time.tv_sec));
}

// Readers take bytes of the header proper in whatever character set they are in, and records for UTF-8.
bool needs_record(std::string_view text, Field field) {
  return text.size() > field.length || std::ranges::any_of(text, [](char byte) { return (byte & 0x80) != 0; });
}

std::string records_of(const TarMember& member) {
  std::string records;
  const bool name = needs_record(member.name, kName);
  const bool link = needs_record(member.link, kLink);
  if ((name && !is_utf8(member.name)) || (link && !is_utf8(member.link))) {
    add_record(records, "hdrcharset", "BINARY");
  }
  if (name) add_record(records, "path", member.name);
  if (link) add_record(records, "linkpath", member.link);
  if (!fits(kUid, member.uid)) add_record(records, "uid", std::to_string(member.uid));
  if (!fits(kGid, member.gid)) add_record(records, "gid", std::to_string(member.gid));
  if (!fits(kSize, member.size)) add_record(records, "size", std::to_string(member.size));
  if (!is_whole_and_fits(member.mtime)) add_record(records, "mtime", time_text(member.mtime));
  for (const auto& [attribute, value] : member.xattrs) add_record(records, attribute_key(attribute), value);
  return records;
}

}  // namespace

std::string pax_header(const TarMember& member) {
  std::string header;
  if (std::string records = records_of(member); !records.empty()) {
    header = sealed(ustar("PaxHeader/" + member.name, kExtended, 0644, records.size()));
    records.resize((records.size() + kTarBlock - 1) / kTarBlock * kTarBlock);
    header += records;
  }
  std::string own = ustar(member.name, static_cast<char>(member.type), member.permissions, member.size);
  put(own, kUid, member.uid);
  put(own, kGid, member.gid);
  put(own, kMtime, static_cast<std::uint64_t>(std::max<time_t>(member.mtime.tv_sec, 0)));
  put(own, kLink, member.link);
  put(own, kMajor, major(member.device));
  put(own, kMinor, minor(member.device));
  return header + sealed(std::move(own));
}

}  // namespace fusebox::review
