#include "store/mount_points.h"

#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <vector>

namespace fusebox {
namespace {

std::string_view next_field(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return field;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// Space, tab, line break and backslash stand there as three octal digits.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::optional<std::string> read_all(int fd) {
  std::string text;
  std::vector<char> buffer(std::size_t{64} * 1024);
  for (;;) {
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
    if (count < 0) return std::nullopt;
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

MountPointNames parse_mountinfo(std::string_view text) {
  MountPointNames names;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    next_field(line);  // id, parent, device, root, mount point
    const std::string_view parent = next_field(line);
    next_field(line);
    next_field(line);
    const std::string_view path = next_field(line);
    std::uint32_t parent_id = 0;
    if (std::from_chars(parent.data(), parent.data() + parent.size(), parent_id).ec != std::errc{}) continue;
    const std::string_view last = path.substr(path.rfind('/') + 1);
    if (!last.empty()) names[parent_id].insert(unescape(last));
  }
  return names;
}

std::shared_ptr<const MountPointNames> MountPoints::now() {
  const std::lock_guard lock(mutex_);
  // The kernel reports a change once per open file (fs/proc_namespace.c: mounts_poll).
  pollfd changed{.fd = mountinfo_.get(), .events = POLLPRI, .revents = 0};
  const bool is_changed = ::poll(&changed, 1, 0) != 0 && (changed.revents & (POLLPRI | POLLERR | POLLNVAL)) != 0;
  if (names_ != nullptr && !is_changed) return names_;
  const std::optional<std::string> text = read_all(mountinfo_.get());
  names_ = text ? std::make_shared<const MountPointNames>(parse_mountinfo(*text)) : nullptr;
  return names_;
}

}  // namespace fusebox
