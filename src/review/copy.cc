#include "review/copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace fusebox::review {
namespace {

constexpr std::size_t kPiece = 1024 * 1024;

Result<> outcome_of(int returned) {
  if (returned < 0) return fail_with_errno();
  return {};
}

Result<> copy_by_hand(int from, int into, off_t offset, off_t end) {
  std::vector<std::byte> piece(kPiece);
  while (offset < end) {
    const auto wanted = std::min(piece.size(), static_cast<std::size_t>(end - offset));
    const ssize_t count = ::pread(from, piece.data(), wanted, offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_with_errno();
    if (count == 0) return {};
    for (ssize_t done = 0; done < count;) {
      const ssize_t written =
          ::pwrite(into, piece.data() + done, static_cast<std::size_t>(count - done), offset + done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return fail_with_errno();
      done += written;
    }
    offset += count;
  }
  return {};
}

Result<> copy_range(int from, int into, off_t offset, off_t end) {
  while (offset < end) {
    off_t in = offset;
    off_t out = offset;
    const ssize_t count = ::copy_file_range(from, &in, into, &out, static_cast<std::size_t>(end - offset), 0);
    // Not between these two file systems, or these two files: the plain way can always be gone.
    if (count <= 0) return copy_by_hand(from, into, offset, end);
    offset += count;
  }
  return {};
}

Result<> copy_data(int from, int into, std::uint64_t size) {
  if (::ioctl(into, FICLONE, from) == 0) return {};
  const auto end = static_cast<off_t>(size);
  for (off_t offset = 0; offset < end;) {
    off_t data = ::lseek(from, offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    off_t hole = data < 0 ? -1 : ::lseek(from, data, SEEK_HOLE);
    if (data < 0 || hole < 0) {
      data = offset;
      hole = end;
    }
    const Result<> copied = copy_range(from, into, data, std::min(hole, end));
    if (!copied) return copied;
    offset = hole;
  }
  return outcome_of(::ftruncate(into, end));
}

Result<> copy_regular(const Tree& from, std::string_view path, const Status& status, const Xattrs& xattrs,
                      int directory, const std::string& name) {
  const Result<Fd> source = from.open_file(path);
  if (!source) return fail(source.error());
  const Fd made(::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) return fail_with_errno();
  Result<> done = copy_data(source->get(), made.get(), status.size);
  if (done) done = set_attributes(made.get(), status, xattrs);
  if (!done) return done;
  return outcome_of(::fsync(made.get()));
}

Result<> set_xattrs(int fd, const Xattrs& xattrs) {
  const Result<Xattrs> present = read_xattrs(fd);
  if (!present) return fail(present.error());
  for (const auto& [name, value] : *present) {
    if (!is_carried(name) || xattrs.contains(name)) continue;
    if (const Result<> removed = remove_xattr(fd, name); !removed) return removed;
  }
  for (const auto& [name, value] : xattrs) {
    const auto found = present->find(name);
    if (found != present->end() && found->second == value) continue;
    if (const Result<> set = set_xattr(fd, name, value); !set) return set;
  }
  return {};
}

}  // namespace

Result<> copy_file(const Tree& from, std::string_view path, const Status& status, const Xattrs& xattrs, int directory,
                   const std::string& name) {
  if (status.is_regular()) return copy_regular(from, path, status, xattrs, directory, name);
  if (S_ISLNK(status.mode)) {
    const Result<std::string> target = from.readlink(path);
    if (!target) return fail(target.error());
    if (::symlinkat(target->c_str(), directory, name.c_str()) < 0) return fail_with_errno();
  } else if (::mknodat(directory, name.c_str(), status.type() | 0600, status.rdev) < 0) {
    return fail_with_errno();
  }
  const Fd made(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return fail_with_errno();
  return set_attributes(made.get(), status, xattrs);
}

Result<> make_directory(const Status& status, const Xattrs& xattrs, int directory, const std::string& name) {
  if (::mkdirat(directory, name.c_str(), 0700) < 0) return fail_with_errno();
  const Fd made(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return fail_with_errno();
  const Result<> set = set_attributes(made.get(), status, xattrs);
  if (!set) return set;
  return outcome_of(::fsync(made.get()));
}

// A change of owner takes set-id bits and capabilities away, so it comes first; an access control list has a say in the
// mode, so that comes after it.
Result<> set_attributes(int fd, const Status& status, const Xattrs& xattrs) {
  const Result<Status> now = status_of(fd);
  if (!now) return fail(now.error());
  const bool keeps_owner = now->uid == status.uid && now->gid == status.gid;
  if (!keeps_owner && ::fchownat(fd, "", status.uid, status.gid, AT_EMPTY_PATH) < 0) return fail_with_errno();
  if (const Result<> set = set_xattrs(fd, xattrs); !set) return set;
  if (!S_ISLNK(status.mode) && ::chmod(descriptor_path(fd).c_str(), status.permissions()) < 0) return fail_with_errno();
  return set_mtime(fd, status.mtime);
}

Result<> set_mtime(int fd, const timespec& mtime) {
  const std::array<timespec, 2> times = {timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, mtime};
  return outcome_of(::utimensat(fd, "", times.data(), AT_EMPTY_PATH));
}

Result<> sync_directory(int directory) { return outcome_of(::fsync(directory)); }

}  // namespace fusebox::review
