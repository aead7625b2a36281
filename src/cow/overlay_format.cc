#include "cow/overlay_format.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <span>

namespace fusebox {
namespace {

constexpr std::string_view kEscape = "overlay.";

// Ours, among overlayfs's own, which hides all of them and leaves those that it does not know alone.
constexpr const char* kOrigin = "fusebox.origin";

// File systems keep a few kilobytes of attributes for each file.
constexpr std::size_t kLongestPath = 1024;

bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(':')) text.remove_prefix(1);
  return true;
}

}  // namespace

std::string Origin::text() const {
  return std::to_string(device) + ":" + std::to_string(inode) + ":" + std::to_string(generation);
}

std::optional<Origin> Origin::parse(std::string_view text) {
  Origin origin;
  const bool is_whole =
      take_number(text, origin.device) && take_number(text, origin.inode) && take_number(text, origin.generation);
  return is_whole && text.empty() ? std::optional(origin) : std::nullopt;
}

Result<> make_whiteout(int directory, const char* name) {
  if (::mknodat(directory, name, S_IFCHR, 0) != 0) return fail_with_errno();
  return {};
}

Result<OverlayFormat> OverlayFormat::that_works_on(int directory) {
  for (const char* word : {"trusted", "user"}) {
    OverlayFormat format(word);
    const std::string probe = format.own_ + "fusebox.probe";
    if (::fsetxattr(directory, probe.c_str(), "y", 1, 0) != 0) continue;
    ::fremovexattr(directory, probe.c_str());
    return format;
  }
  return fail(Errno::not_supported);
}

std::string OverlayFormat::stored(std::string_view name) const {
  if (!name.starts_with(own_)) return std::string(name);
  return own_ + std::string(kEscape) + std::string(name.substr(own_.size()));
}

std::optional<std::string> OverlayFormat::shown(std::string_view name) const {
  if (is_reserved(name)) return std::nullopt;
  if (!name.starts_with(own_)) return std::string(name);
  name.remove_prefix(own_.size());
  if (!name.starts_with(kEscape)) return std::nullopt;
  return own_ + std::string(name.substr(kEscape.size()));
}

std::optional<std::string> OverlayFormat::text_of(const XattrTarget& file, const char* name) const {
  std::array<std::byte, 128> value{};
  const Result<std::size_t> length = get_xattr(file, (own_ + name).c_str(), value);
  if (!length) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(value.data()), *length);
}

Result<> OverlayFormat::set_text(const XattrTarget& file, const char* name, std::string_view text) const {
  return set_xattr(file, (own_ + name).c_str(), std::as_bytes(std::span(text)), 0);
}

// "y": overlayfs also knows "x", which hides nothing by itself.
Result<bool> OverlayFormat::is_opaque(const XattrTarget& directory) const {
  return text_of(directory, "opaque") == "y";
}
Result<> OverlayFormat::set_opaque(const XattrTarget& directory) const { return set_text(directory, "opaque", "y"); }

std::optional<Origin> OverlayFormat::origin(const XattrTarget& file) const {
  const std::optional<std::string> text = text_of(file, kOrigin);
  return text ? Origin::parse(*text) : std::nullopt;
}

Result<> OverlayFormat::set_origin(const XattrTarget& file, const Origin& origin) const {
  return set_text(file, kOrigin, origin.text());
}

Result<> OverlayFormat::set_source(const XattrTarget& file, const FileStatus& status, const std::string& path) const {
  const auto time = [](const statx_timestamp& at) { return fmt::format("{}.{:09}", at.tv_sec, at.tv_nsec); };
  std::string text = fmt::format("{}:{}:{}:{}:{}:{:o}:{}:{}", makedev(status.stx_dev_major, status.stx_dev_minor),
                                 status.stx_ino, status.stx_size, time(status.stx_mtime), time(status.stx_ctime),
                                 status.stx_mode, status.stx_uid, status.stx_gid);
  if (path.size() <= kLongestPath) text += ":" + path;
  return set_xattr(file, (reserved_ + "origin").c_str(), std::as_bytes(std::span(text)), 0);
}

bool OverlayFormat::drop_origins(const XattrTarget& file, bool source_alone) const {
  const bool had_source = remove_xattr(file, (reserved_ + "origin").c_str()).has_value();
  const bool had_origin = !source_alone && remove_xattr(file, (own_ + kOrigin).c_str()).has_value();
  return had_source || had_origin;
}

// "U+2": of the links of the upper file, two more (fs/overlayfs/inode.c).
std::optional<int> OverlayFormat::more_links(const XattrTarget& file) const {
  const std::optional<std::string> text = text_of(file, "nlink");
  int count = 0;
  if (!text || text->size() < 3 || text->front() != 'U') return std::nullopt;
  const char* first = text->data() + ((*text)[1] == '+' ? 2 : 1);
  const auto [end, error] = std::from_chars(first, text->data() + text->size(), count);
  return error == std::errc{} && end == text->data() + text->size() ? std::optional(count) : std::nullopt;
}

Result<> OverlayFormat::set_more_links(const XattrTarget& file, int count) const {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "U%+d", count);
  return set_text(file, "nlink", text.data());
}

}  // namespace fusebox
