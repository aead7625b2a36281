#include "box/handed_in.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "box/box.h"
#include "box/mount_tools.h"

namespace fusebox::box {
namespace {

constexpr std::array kNames = {"standard input", "standard output", "standard error"};

std::string name_of(int fd) {
  const auto number = static_cast<std::size_t>(fd);
  return number < kNames.size() ? kNames[number] : "descriptor " + std::to_string(fd);
}

constexpr int kKeptFlags = O_NONBLOCK | O_DIRECT | O_NOATIME;

Fault refusal(int fd, const char* why, const char* remedy) {
  return Fault{.what = name_of(fd), .why = why, .remedy = remedy};
}

// The same file as `fd`, looked up anew; none where its name leads elsewhere by now.
Fd find_by_name(int fd) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  struct stat known{};
  struct stat found{};
  if (readlink(link.c_str(), path.data(), path.size() - 1) <= 0 || fstat(fd, &known) != 0) return {};
  Fd file(open(path.data(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file || fstat(file.get(), &found) != 0) return {};
  const bool same = known.st_dev == found.st_dev && known.st_ino == found.st_ino;
  return same ? std::move(file) : Fd();
}

Outcome<Fd> open_read_only(int fd, int flags) {
  const auto failed = [&](Errno error) {
    Fault fault =
        fault_with_errno("make " + name_of(fd) + " read-only", "hand it in by a pipe: cat FILE | fusebox run ...");
    fault.why = std::strerror(static_cast<int>(error));
    return std::unexpected(fault);
  };
  auto mount = clone_mount(fd, "", Extent::one_mount);
  if (!mount) {
    // It was opened in another mount namespace, which a user namespace's rights do not reach.  By its name it may be in
    // ours.
    const Fd same = find_by_name(fd);
    if (same) mount = clone_mount(same.get(), "", Extent::one_mount);
  }
  if (!mount) return failed(mount.error());
  const auto restricted = restrict_mount(*mount, MOUNT_ATTR_RDONLY, Extent::one_mount);
  if (!restricted) return failed(restricted.error());
  const std::string again = "/proc/self/fd/" + std::to_string(mount->get());
  Fd file(open(again.c_str(), O_RDONLY | O_CLOEXEC | (flags & kKeptFlags)));
  if (!file) return failed(Errno{errno});
  if (const off_t offset = lseek(fd, 0, SEEK_CUR); offset >= 0) lseek(file.get(), offset, SEEK_SET);
  return file;
}

// Empty: it can be handed in as it is.
Outcome<Fd> substitute_for(int fd) {
  struct stat status{};
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fstat(fd, &status) != 0) return Fd();
  if (S_ISDIR(status.st_mode)) {
    return std::unexpected(refusal(fd, "it is a directory, a way out of the box", "redirect it: </dev/null"));
  }
  if (S_ISBLK(status.st_mode)) {
    return std::unexpected(refusal(fd, "it is a disk, which the command could open again to write to it",
                                   "hand it in by a pipe: cat DISK | fusebox run ..."));
  }
  // Without a name, as a here-document is, it is the caller's and the command's alone.
  if (!S_ISREG(status.st_mode) || status.st_nlink == 0) return Fd();
  if ((flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_RDONLY) return Fd();
  return open_read_only(fd, flags);
}

}  // namespace

std::vector<int> inherited_descriptors() {
  std::vector<int> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error)) {
    const int fd = std::atoi(entry->path().filename().c_str());
    // The listing's own descriptor is close-on-exec.
    const int flags = fd > STDERR_FILENO ? fcntl(fd, F_GETFD) : -1;
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) found.push_back(fd);
  }
  return found;
}

Outcome<HandedIn> HandedIn::secure(const std::vector<int>& inherited) {
  HandedIn handed_in;
  std::vector<int> all = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  all.insert(all.end(), inherited.begin(), inherited.end());
  for (const int fd : all) {
    auto substitute = substitute_for(fd);
    if (!substitute && fd <= STDERR_FILENO) return std::unexpected(substitute.error());
    if (!substitute) continue;
    if (*substitute) handed_in.substitutes_.push_back({.number = fd, .fd = *std::move(substitute)});
    if (fd > STDERR_FILENO) handed_in.inherited_.push_back(fd);
  }
  return handed_in;
}

bool HandedIn::take_over() const {
  for (const Substitute& substitute : substitutes_) {
    if (dup2(substitute.fd.get(), substitute.number) < 0) return false;
  }
  return true;
}

void HandedIn::hand_back() const {
  for (const Substitute& substitute : substitutes_) {
    if (const off_t offset = lseek(substitute.fd.get(), 0, SEEK_CUR); offset >= 0) {
      lseek(substitute.number, offset, SEEK_SET);
    }
  }
}

}  // namespace fusebox::box
