#include "fusebox/system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstring>

namespace fusebox::sys {
namespace {

std::string descriptor_path(const Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

Result<> outcome_of(int returned) {
  if (returned < 0) return fail_with_errno();
  return {};
}

Result<Fd> opened(int fd) {
  if (fd < 0) return fail_with_errno();
  return Fd(fd);
}

Result<struct statx> status_of(const Fd& fd) {
  struct statx status{};
  if (::statx(fd.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &status) < 0) return fail_with_errno();
  return status;
}

timespec to_timespec(const statx_timestamp& time) {
  return {.tv_sec = static_cast<time_t>(time.tv_sec), .tv_nsec = static_cast<long>(time.tv_nsec)};
}

timespec to_utime(const std::optional<SetTime>& time) {
  if (!time) return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  if (time->now) return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
  return time->moment;
}

// Without the right to execute, the group's bit lets nothing run in its name, and stays (fs/attr.c:
// setattr_should_drop_suidgid).
Result<> kill_suid_sgid(const Fd& fd, const std::string& path) {
  const Result<struct statx> status = status_of(fd);
  if (!status) return fail(status.error());
  mode_t mode = status->stx_mode & 07777;
  if ((mode & S_IXGRP) != 0) mode &= ~mode_t{S_ISGID};
  mode &= ~mode_t{S_ISUID};
  if (mode == (status->stx_mode & 07777)) return {};
  return outcome_of(::chmod(path.c_str(), mode));
}

constexpr std::size_t kListing = 32768;

}  // namespace

Result<Fd> open(const std::string& path, int flags) { return opened(::open(path.c_str(), flags | O_CLOEXEC)); }

Result<Fd> openat(const Fd& directory, Name name, int flags, mode_t mode) {
  return opened(::openat(directory.get(), name.c_str(), flags | O_CLOEXEC, mode));
}

Result<Fd> reopen(const Fd& fd, int flags) { return open(descriptor_path(fd), flags & ~O_NOFOLLOW); }

Result<Attr> stat(const Fd& fd) {
  const Result<struct statx> status = status_of(fd);
  if (!status) return fail(status.error());
  Attr attr;
  attr.ino = status->stx_ino;
  attr.size = status->stx_size;
  attr.blocks = status->stx_blocks;
  attr.atime = to_timespec(status->stx_atime);
  attr.mtime = to_timespec(status->stx_mtime);
  attr.ctime = to_timespec(status->stx_ctime);
  attr.mode = status->stx_mode;
  attr.nlink = status->stx_nlink;
  attr.uid = status->stx_uid;
  attr.gid = status->stx_gid;
  attr.rdev = makedev(status->stx_rdev_major, status->stx_rdev_minor);
  attr.blksize = status->stx_blksize;
  if ((status->stx_mask & STATX_BTIME) != 0) attr.btime = to_timespec(status->stx_btime);
  return attr;
}

Result<Identity> identity(const Fd& fd) {
  const Result<struct statx> status = status_of(fd);
  if (!status) return fail(status.error());
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return Identity{
      .device = makedev(status->stx_dev_major, status->stx_dev_minor),
      .inode = status->stx_ino,
      .generation = static_cast<std::uint64_t>(status->stx_btime.tv_sec) * kSecond + status->stx_btime.tv_nsec};
}

// By /proc: none of these calls takes an O_PATH descriptor.  An owner is changed before the mode, which that may alter.
Result<> change(const Fd& fd, const SetAttr& change) {
  const std::string path = descriptor_path(fd);
  if (change.uid || change.gid) {
    constexpr auto kUnchanged = static_cast<uid_t>(-1);
    const uid_t uid = change.uid.value_or(kUnchanged);
    const gid_t gid = change.gid.value_or(kUnchanged);
    if (::fchownat(fd.get(), "", uid, gid, AT_EMPTY_PATH) < 0) return fail_with_errno();
  }
  if (change.kill_suid_sgid) {
    const Result<> killed = kill_suid_sgid(fd, path);
    if (!killed) return killed;
  }
  if (change.mode && ::chmod(path.c_str(), *change.mode) < 0) return fail_with_errno();
  if (change.size && ::truncate(path.c_str(), static_cast<off_t>(*change.size)) < 0) return fail_with_errno();
  if (change.atime || change.mtime) {
    const std::array<timespec, 2> times = {to_utime(change.atime), to_utime(change.mtime)};
    return outcome_of(::utimensat(fd.get(), "", times.data(), AT_EMPTY_PATH));
  }
  return {};
}

Result<std::string> readlink(const Fd& fd) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(fd.get(), "", target.data(), target.size());
  if (length < 0) return fail_with_errno();
  target.resize(static_cast<std::size_t>(length));
  return target;
}

Result<struct statvfs> statvfs(const Fd& fd) {
  struct statvfs status{};
  if (::fstatvfs(fd.get(), &status) < 0) return fail_with_errno();
  return status;
}

Result<std::size_t> pread(const Fd& fd, std::uint64_t offset, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = ::pread(fd.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (count < 0) return fail_with_errno();
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<std::size_t> pwrite(const Fd& fd, std::uint64_t offset, std::span<const std::byte> data) {
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t count = ::pwrite(fd.get(), data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && done > 0) break;
    if (count < 0) return fail_with_errno();
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<> mkdirat(const Fd& directory, Name name, mode_t mode) {
  return outcome_of(::mkdirat(directory.get(), name.c_str(), mode));
}

Result<> mknodat(const Fd& directory, Name name, mode_t mode, dev_t device) {
  return outcome_of(::mknodat(directory.get(), name.c_str(), mode, device));
}

Result<> symlinkat(const std::string& target, const Fd& directory, Name name) {
  return outcome_of(::symlinkat(target.c_str(), directory.get(), name.c_str()));
}

Result<> linkat(const Fd& existing, const Fd& directory, Name name) {
  return outcome_of(::linkat(existing.get(), "", directory.get(), name.c_str(), AT_EMPTY_PATH));
}

Result<> unlinkat(const Fd& directory, Name name, int flags) {
  return outcome_of(::unlinkat(directory.get(), name.c_str(), flags));
}

Result<> renameat(const Fd& from, Name name, const Fd& to, Name new_name, unsigned flags) {
  return outcome_of(::renameat2(from.get(), name.c_str(), to.get(), new_name.c_str(), flags));
}

Result<> give_to(const Caller& caller, const Fd& entry, const Fd& directory) {
  const Result<struct statx> above = status_of(directory);
  if (!above) return fail(above.error());
  SetAttr owner{.uid = caller.uid};
  if ((above->stx_mode & S_ISGID) == 0) owner.gid = caller.gid;
  return change(entry, owner);
}

Result<> list(const Fd& directory, std::uint64_t offset, DirSink& sink) {
  if (::lseek(directory.get(), static_cast<off_t>(offset), SEEK_SET) < 0) return fail_with_errno();
  alignas(dirent64) std::array<char, kListing> buffer;
  for (;;) {
    const long filled = ::syscall(SYS_getdents64, directory.get(), buffer.data(), buffer.size());
    if (filled < 0) return fail_with_errno();
    if (filled == 0) return {};
    for (long at = 0; at < filled;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      const auto next = static_cast<std::uint64_t>(entry->d_off);
      if (!sink.add(entry->d_name, entry->d_ino, entry->d_type, next)) return {};
      at += entry->d_reclen;
    }
  }
}

}  // namespace fusebox::sys
