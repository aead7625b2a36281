#include "review/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <memory>

namespace fusebox::review {
namespace {

timespec to_timespec(const statx_timestamp& time) {
  return {.tv_sec = static_cast<time_t>(time.tv_sec), .tv_nsec = static_cast<long>(time.tv_nsec)};
}

// The kernel gives up where names change under its feet (openat2(2): EAGAIN); that often in a row is no accident.
constexpr int kAttempts = 100;

Result<Fd> open_piece(int directory, const std::string& path, int flags) {
  open_how how{.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW),
               .mode = 0,
               .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  long fd = -1;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  if (fd < 0) return fail_with_errno();
  return Fd(static_cast<int>(fd));
}

}  // namespace

bool is_later(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

bool is_same(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

Result<Status> status_of(int fd) {
  struct statx found{};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &found) < 0) return fail_with_errno();
  Status status{.mode = found.stx_mode,
                .uid = found.stx_uid,
                .gid = found.stx_gid,
                .device = makedev(found.stx_dev_major, found.stx_dev_minor),
                .rdev = makedev(found.stx_rdev_major, found.stx_rdev_minor),
                .inode = found.stx_ino,
                .links = found.stx_nlink,
                .size = found.stx_size,
                .blocks = found.stx_blocks,
                .mtime = to_timespec(found.stx_mtime),
                .ctime = to_timespec(found.stx_ctime)};
  if ((found.stx_mask & STATX_BTIME) != 0) status.btime = to_timespec(found.stx_btime);
  return status;
}

std::string join(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty()) path += '/';
  path += name;
  return path;
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_within(std::string_view path, std::string_view top) {
  return top.empty() || (path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/'));
}

std::string descriptor_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Result<std::vector<std::string>> names_in(Fd directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), ::closedir);
  if (!stream) return fail_with_errno();
  directory.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail_with_errno();
  std::ranges::sort(names);
  return names;
}

// A path may be longer than one system call takes.
Result<Fd> Tree::open(std::string_view path, int flags) const {
  if (path.size() > kLongestPath) return fail(Errno::name_too_long);
  Fd piece;
  int at = top_.get();
  while (path.size() >= PATH_MAX) {
    const std::size_t slash = path.rfind('/', PATH_MAX - 1);
    if (slash == std::string_view::npos) return fail(Errno::name_too_long);
    Result<Fd> next = open_piece(at, std::string(path.substr(0, slash)), O_PATH | O_DIRECTORY);
    if (!next) return next;
    piece = *std::move(next);
    at = piece.get();
    path.remove_prefix(slash + 1);
  }
  return open_piece(at, path.empty() ? "." : std::string(path), flags);
}

Result<Fd> Tree::open_file(std::string_view path) const {
  const Result<Fd> place = open(path, O_PATH);
  if (!place) return fail(place.error());
  const Result<Status> status = status_of(place->get());
  if (!status) return fail(status.error());
  if (!status->is_regular()) return fail(Errno::stale);
  Fd file(::open(descriptor_path(place->get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_with_errno();
  return file;
}

Result<std::optional<Status>> Tree::find(std::string_view path) const {
  const Result<Fd> file = open(path, O_PATH);
  if (!file) {
    const Errno error = file.error();
    if (error == Errno::no_entry || error == Errno::not_directory || error == Errno{ELOOP}) return std::nullopt;
    return fail(error);
  }
  return status_of(file->get());
}

Result<std::vector<std::string>> Tree::names(std::string_view path) const {
  Result<Fd> directory = open(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return fail(directory.error());
  return names_in(*std::move(directory));
}

Result<std::string> Tree::readlink(std::string_view path) const {
  const Result<Fd> link = open(path, O_PATH);
  if (!link) return fail(link.error());
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(link->get(), "", target.data(), target.size());
  if (length < 0) return fail_with_errno();
  target.resize(static_cast<std::size_t>(length));
  return target;
}

}  // namespace fusebox::review
