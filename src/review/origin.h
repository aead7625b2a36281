// What a file of the host was when a box copied it up (review layer).
//
// Kept with the copy, in the extended attribute `trusted.fusebox.origin` or `user.fusebox.origin`, as text of one line:
//
//   DEVICE:INODE:SIZE:MTIME:CTIME[:MODE:UID:GID[:PATH]]
//
// Numbers are decimal, MODE (type and permissions) is octal, times are SECONDS.NANOSECONDS with nine digits; PATH is
// where it was copied from, from the root on, and is any bytes to the end.  What is left out is not known.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace fusebox::review {

struct Origin {
  struct Owner {
    mode_t mode = 0;
    uid_t uid = 0;
    gid_t gid = 0;

    bool operator==(const Owner&) const = default;
  };

  dev_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  timespec mtime{};
  timespec ctime{};
  std::optional<Owner> owner{};
  std::optional<std::string> path{};  // "/etc/motd"
};

// Nothing where the text is not such a line.
std::optional<Origin> parse_origin(std::string_view text);
std::string to_text(const Origin& origin);

// SECONDS.NANOSECONDS, and back.
std::string to_text(const timespec& time);
std::optional<timespec> parse_time(std::string_view text);

}  // namespace fusebox::review
