#include "box/own_devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace fusebox::box {
namespace {

// The last is the caller's terminal.
constexpr std::array kNames = {"null", "zero", "full", "random", "urandom", "tty", "console"};

constexpr int kKeptFlags = O_ACCMODE | O_APPEND | O_DIRECT | O_PATH;

struct OwnDevice {
  const char* name;
  struct stat status;
};

std::vector<OwnDevice> own_devices(const Fd& dev) {
  std::vector<OwnDevice> found;
  for (const char* name : kNames) {
    struct stat status{};
    if (fstatat(dev.get(), name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(status.st_mode)) {
      found.push_back({.name = name, .status = status});
    }
  }
  return found;
}

// The numbers are the device, wherever its node lies; but each instance of devpts counts its terminals from 0 on.
bool is_same_device(const struct stat& one, const struct stat& other) {
  constexpr unsigned kFirstOfPts = 136;
  constexpr unsigned kLastOfPts = 143;
  if (one.st_rdev != other.st_rdev) return false;
  const unsigned number = major(one.st_rdev);
  if (number < kFirstOfPts || number > kLastOfPts) return true;
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

void exchange(int fd, const Fd& dev, const std::vector<OwnDevice>& own) {
  struct stat status{};
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode)) return;
  const auto found = std::ranges::find_if(own, [&](const OwnDevice& d) { return is_same_device(d.status, status); });
  if (found == own.end()) return;
  // A line without a carrier would have us wait for one.
  const int how = (flags & kKeptFlags) | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC;
  const Fd anew(openat(dev.get(), found->name, how));
  if (!anew) return;
  fcntl(anew.get(), F_SETFL, flags);
  dup2(anew.get(), fd);
}

}  // namespace

void exchange_devices(const Fd& dev, const std::vector<int>& inherited) {
  const std::vector<OwnDevice> own = own_devices(dev);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) exchange(fd, dev, own);
  for (const int fd : inherited) exchange(fd, dev, own);
}

}  // namespace fusebox::box
