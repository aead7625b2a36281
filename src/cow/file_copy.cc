#include "cow/file_copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "store/host_core.h"

namespace fusebox {
namespace {

constexpr mode_t kPermissions = 07777;
constexpr std::size_t kBuffer = std::size_t{256} * 1024;

Result<> copy_by_hand(int from, int to, off_t at, off_t end) {
  std::vector<std::byte> buffer(kBuffer);
  while (at < end) {
    const auto wanted = static_cast<std::size_t>(std::min<off_t>(end - at, kBuffer));
    const ssize_t got = ::pread(from, buffer.data(), wanted, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_with_errno();
    if (got == 0) return {};
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = ::pwrite(to, buffer.data() + done, static_cast<std::size_t>(got - done), at + done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail_with_errno();
      done += put;
    }
    at += got;
  }
  return {};
}

// File systems that cannot do it say so in as many ways.
bool cannot_copy_range(int error) {
  return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

Result<> copy_range(int from, int to, off_t at, off_t end) {
  while (at < end) {
    off_t source = at;
    off_t target = at;
    const ssize_t count = ::copy_file_range(from, &source, to, &target, static_cast<std::size_t>(end - at), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && cannot_copy_range(errno)) return copy_by_hand(from, to, at, end);
    if (count < 0) return fail_with_errno();
    // Some files, such as those of procfs, say so of contents that can be read all the same.
    if (count == 0) return copy_by_hand(from, to, at, end);
    at += count;
  }
  return {};
}

Result<> copy_xattr(const XattrTarget& from, const char* name, const XattrTarget& to, const OverlayFormat& format) {
  std::vector<std::byte> value(XATTR_SIZE_MAX);
  const Result<std::size_t> length = get_xattr(from, name, value);
  // Gone since it was listed, or not for us to see.
  if (!length) return length.error() == Errno::no_memory ? Result<>(fail(length.error())) : Result<>();
  value.resize(*length);
  const Result<> done = set_xattr(to, format.stored(name).c_str(), value, 0);
  if (!done && done.error() != Errno::not_supported && done.error() != Errno::not_permitted) return done;
  return {};
}

Result<> copy_xattrs(const XattrTarget& from, const XattrTarget& to, const OverlayFormat& format) {
  std::vector<std::byte> names(XATTR_LIST_MAX);
  const Result<std::size_t> length = list_xattrs(from, names, true);
  if (!length) return length.error() == Errno::not_supported ? Result<>() : Result<>(fail(length.error()));
  std::string_view rest(reinterpret_cast<const char*>(names.data()), *length);
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (format.is_reserved(name)) continue;
    if (const Result<> copied = copy_xattr(from, name.c_str(), to, format); !copied) return copied;
  }
  return {};
}

}  // namespace

Result<> copy_data(int from, int to) {
  struct stat status{};
  if (::fstat(from, &status) != 0) return fail_with_errno();
  if (status.st_size == 0) return {};
  if (::ioctl(to, FICLONE, from) == 0) return {};
  for (off_t at = 0; at < status.st_size;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole up to the end
    const off_t start = data < 0 ? at : data;
    const off_t hole = data < 0 ? status.st_size : ::lseek(from, start, SEEK_HOLE);
    const off_t end = hole < 0 ? status.st_size : std::min<off_t>(hole, status.st_size);
    if (const Result<> copied = copy_range(from, to, start, end); !copied) return copied;
    at = end;
  }
  if (::ftruncate(to, status.st_size) != 0) return fail_with_errno();
  return {};
}

Result<> set_times(int fd, const FileStatus& status) {
  const std::array<timespec, 2> times{
      timespec{.tv_sec = static_cast<time_t>(status.stx_atime.tv_sec), .tv_nsec = status.stx_atime.tv_nsec},
      timespec{.tv_sec = static_cast<time_t>(status.stx_mtime.tv_sec), .tv_nsec = status.stx_mtime.tv_nsec}};
  if (::utimensat(fd, "", times.data(), AT_EMPTY_PATH) != 0) return fail_with_errno();
  return {};
}

// The owner first, because chown(2) drops set-id bits and capabilities; times last, because the others set them.
Result<> copy_attributes(const XattrTarget& from, const FileStatus& status, const XattrTarget& to,
                         const OverlayFormat& format) {
  // Without the right to give files away they belong to the server, as what an ordinary user copies does.
  if (::fchownat(to.fd, "", status.stx_uid, status.stx_gid, AT_EMPTY_PATH) != 0 && errno != EPERM && errno != EINVAL) {
    return fail_with_errno();
  }
  const DescriptorName name(to.fd);
  if (!S_ISLNK(status.stx_mode) && ::fchmodat(to.proc_fds, name.c_str(), status.stx_mode & kPermissions, 0) != 0) {
    return fail_with_errno();
  }
  if (const Result<> copied = copy_xattrs(from, to, format); !copied) return copied;
  return set_times(to.fd, status);
}

}  // namespace fusebox
