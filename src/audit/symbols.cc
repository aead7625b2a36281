#include "audit/symbols.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <string_view>

namespace fusebox::audit {
namespace {

struct Flag {
  int bits;
  std::string_view name;
};

// linux/fs.h: execve(2) sets it in the flags of the open that it makes itself.
constexpr int kModeExec = 0x20;

// The kernel's values: glibc defines O_LARGEFILE as 0 on 64-bit machines (asm-generic/fcntl.h; arch/arm64 has its own).
#if defined(__aarch64__) || defined(__arm__)
constexpr int kLargeFile = 0400000;
#else
constexpr int kLargeFile = 0100000;
#endif

// A flag that holds the bits of another comes before it.
constexpr auto kFlags = std::to_array<Flag>({
    {O_CREAT, "O_CREAT"},
    {O_EXCL, "O_EXCL"},
    {O_NOCTTY, "O_NOCTTY"},
    {O_TRUNC, "O_TRUNC"},
    {O_APPEND, "O_APPEND"},
    {O_NONBLOCK, "O_NONBLOCK"},
    {O_SYNC, "O_SYNC"},
    {O_DSYNC, "O_DSYNC"},
    {O_ASYNC, "O_ASYNC"},
    {O_DIRECT, "O_DIRECT"},
    {O_TMPFILE, "O_TMPFILE"},
    {O_DIRECTORY, "O_DIRECTORY"},
    {O_NOFOLLOW, "O_NOFOLLOW"},
    {O_NOATIME, "O_NOATIME"},
    {O_CLOEXEC, "O_CLOEXEC"},
    {O_PATH, "O_PATH"},
    {kModeExec, "FMODE_EXEC"},
});

std::string_view access_mode(int flags) {
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      return "O_RDONLY";
    case O_WRONLY:
      return "O_WRONLY";
    case O_RDWR:
      return "O_RDWR";
    default:
      return "O_ACCMODE";  // 3: ioctl(2) only, see open(2)
  }
}

}  // namespace

void append_open_flags(std::string& json, int flags) {
  json += "[\"";
  json += access_mode(flags);
  json += '"';
  int left = flags & ~(O_ACCMODE | kLargeFile);
  for (const Flag& flag : kFlags) {
    if (left == 0) break;
    if ((left & flag.bits) != flag.bits) continue;
    left &= ~flag.bits;
    json += ",\"";
    json += flag.name;
    json += '"';
  }
  if (left != 0) fmt::format_to(std::back_inserter(json), ",\"{:#x}\"", static_cast<unsigned>(left));
  json += ']';
}

std::string errno_name(int error) {
  const char* name = ::strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

}  // namespace fusebox::audit
