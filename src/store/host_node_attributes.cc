// Attributes, extended attributes, symlink targets.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <climits>
#include <limits>

#include "base/clock.h"
#include "store/host_core.h"
#include "store/host_directory.h"
#include "store/host_file.h"
#include "store/host_node.h"
#include "store/xattr.h"

namespace fusebox {
namespace {

constexpr mode_t kPermissions = 07777;
constexpr uid_t kUnchanged = static_cast<uid_t>(-1);

Result<> outcome_of(int returned) {
  if (returned != 0) return fail_with_errno();
  return {};
}

timespec to_utime(const std::optional<SetTime>& time) {
  if (!time) return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  if (time->now) return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
  return time->moment;
}

Result<> drop_set_id(int proc_fds, int fd) {
  const Result<FileStatus> status = status_of(fd);
  if (!status) return fail(status.error());
  if (!has_set_id(status->stx_mode)) return {};
  mode_t dropped = S_ISUID;
  if ((status->stx_mode & S_IXGRP) != 0) dropped |= S_ISGID;
  const mode_t mode = status->stx_mode & kPermissions & ~dropped;
  return outcome_of(::fchmodat(proc_fds, DescriptorName(fd).c_str(), mode, 0));
}

}  // namespace

Task<Attr> HostNode::getattr(const Request& request, Ref<Handle> open) {
  if (auto* file = dynamic_cast<HostFile*>(open.get())) {
    co_return attr(file->has_descriptor() ? co_await status_of(co_await file->fd()) : co_await status());
  }
  if (const auto* directory = dynamic_cast<const HostDirectory*>(open.get())) {
    co_return attr(co_await status_of(directory->fd()));
  }
  const FileStatus now = co_await status();
  if (has_to_look_outside(request, now)) co_await attempt(show_outside_objects(now));
  co_return attr(now);
}

Task<Attr> HostNode::setattr(const Request& request, SetAttr change, Ref<Handle> open) {
  co_await this->change(request, change, dynamic_cast<HostFile*>(open.get()));
  note_closed(change);
  co_return attr(co_await status());
}

// Size first, because a truncation needs the old permissions; owner before mode, because chown(2) drops set-id bits;
// times last, because the others set them.
Result<> HostNode::change(const Request& request, const SetAttr& change, HostFile* open) {
  const Result<Lease> own = acquire(Need::place);
  if (!own) return fail(own.error());
  const int fd = (*own)->fd.get();
  const Result<> done = as_caller(core_.groups, request.caller, [&]() -> Result<> {
    if (change.size) {
      if (const Result<> resized = resize(*change.size, fd, open); !resized) return resized;
    }
    if (change.uid || change.gid) {
      const uid_t uid = change.uid.value_or(kUnchanged);
      const gid_t gid = change.gid.value_or(kUnchanged);
      if (::fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0) return fail_with_errno();
    }
    if (change.mode) note_mode(*change.mode);
    // By the link in /proc: fchmod(2) takes no O_PATH descriptor, and fchmodat2(2) came with Linux 6.6.
    const DescriptorName name(fd);
    if (change.mode && ::fchmodat(core_.proc_fds.get(), name.c_str(), *change.mode & kPermissions, 0) != 0) {
      return fail_with_errno();
    }
    if (change.atime || change.mtime) {
      const std::array<timespec, 2> times{to_utime(change.atime), to_utime(change.mtime)};
      if (::utimensat(fd, "", times.data(), AT_EMPTY_PATH) != 0) return fail_with_errno();
    }
    return {};
  });
  if (!done || !change.kill_suid_sgid) return done;
  return drop_set_id(core_.proc_fds.get(), fd);
}

Result<> HostNode::resize(std::uint64_t size, int place, HostFile* open) {
  if (size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) return fail(Errno{EFBIG});
  if (!S_ISREG(type_)) return fail(S_ISDIR(type_) ? Errno::is_directory : Errno::invalid);
  const auto length = static_cast<off_t>(size);
  if (open != nullptr && open->writes()) return outcome_of(::ftruncate(*open->fd(), length));
  const Result<Fd> fd = core_.reopen(place, O_WRONLY);
  if (!fd) return fail(fd.error());
  return outcome_of(::ftruncate(fd->get(), length));
}

Task<std::string> HostNode::readlink(const Request&) {
  if (!S_ISLNK(type_)) co_return Errno::invalid;
  const Lease own = co_await acquire(Need::place);
  std::array<char, PATH_MAX> target;
  const ssize_t length = ::readlinkat(own->fd.get(), "", target.data(), target.size());
  if (length < 0) co_return static_cast<Errno>(errno);
  co_return std::string(target.data(), static_cast<std::size_t>(length));
}

Task<> HostNode::access(const Request& request, int mask) {
  // A working directory, perhaps: walks from there do not ask for its name.
  if (core_.has_one_user()) co_await look_outside(request);
  co_return check_access(request, mask);
}

void HostNode::note_closed(const SetAttr& change) {
  if (!core_.has_one_user() || !S_ISDIR(type_) || !change.mode || (*change.mode & S_IXUSR) != 0) return;
  constexpr std::int64_t kMargin = 100'000'000;
  const auto known_for = std::chrono::nanoseconds(core_.entry_validity).count();
  core_.closed_until = monotonic_now_coarse() + known_for + kMargin;
}

// Can the only user walk here?  Mostly the kernel has asked, name by name, a moment ago.
Result<> HostNode::check_way() {
  if (core_.closed_until.load(std::memory_order_relaxed) < monotonic_now_coarse()) return {};
  for (Ref<HostNode> node = parent(); node != nullptr; node = node->parent()) {
    const Result<Lease> own = node->acquire(Need::place);
    if (!own) return fail(own.error());
    const Result<> open =
        outcome_of(::faccessat(core_.proc_fds.get(), DescriptorName((*own)->fd.get()).c_str(), X_OK, AT_EACCESS));
    if (!open) return open;
  }
  return {};
}

Result<> HostNode::check_access(const Request& request, int mask) {
  if (const Result<> way = check_way(); !way) return way;
  const Result<Lease> own = acquire(Need::place);
  if (!own) return fail(own.error());
  const DescriptorName name((*own)->fd.get());
  return as_caller(core_.groups, request.caller,
                   [&] { return outcome_of(::faccessat(core_.proc_fds.get(), name.c_str(), mask, AT_EACCESS)); });
}

Task<std::size_t> HostNode::getxattr(const Request& request, const std::string& name, std::span<std::byte> into) {
  const Lease own = co_await acquire(Need::place);
  co_return as_caller(core_.groups, request.caller,
                      [&] { return get_xattr(XattrTarget(core_, *own), name.c_str(), into); });
}

Task<> HostNode::setxattr(const Request& request, const std::string& name, std::span<const std::byte> value,
                          int flags) {
  const Lease own = co_await acquire(Need::place);
  co_return as_caller(core_.groups, request.caller,
                      [&] { return set_xattr(XattrTarget(core_, *own), name.c_str(), value, flags); });
}

Task<std::size_t> HostNode::listxattr(const Request& request, std::span<std::byte> into) {
  const Lease own = co_await acquire(Need::place);
  co_return as_caller(core_.groups, request.caller,
                      [&] { return list_xattrs(XattrTarget(core_, *own), into, request.caller.uid == 0); });
}

Task<> HostNode::removexattr(const Request& request, const std::string& name) {
  const Lease own = co_await acquire(Need::place);
  co_return as_caller(core_.groups, request.caller,
                      [&] { return remove_xattr(XattrTarget(core_, *own), name.c_str()); });
}

Task<struct statvfs> HostNode::statfs(const Request&) {
  const Lease own = co_await acquire(Need::place);
  struct statvfs info{};
  if (::fstatvfs(own->fd.get(), &info) != 0) co_return static_cast<Errno>(errno);
  co_return info;
}

}  // namespace fusebox
