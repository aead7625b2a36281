// Locks, as the host sees them.
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <array>

#include "fusebox/executor.h"
#include "store/host_core.h"
#include "store/host_file.h"

namespace fusebox {
namespace {

// fcntl(2); a length of 0 means to the end.
struct flock to_host(const FileLock& lock) {
  constexpr std::array<short, 3> kTypes = {F_RDLCK, F_WRLCK, F_UNLCK};  // by LockType
  struct flock host{};
  host.l_type = kTypes[static_cast<std::size_t>(lock.type)];
  host.l_whence = SEEK_SET;
  host.l_start = static_cast<off_t>(lock.first);
  host.l_len = lock.last >= FileLock::kToEnd ? 0 : static_cast<off_t>(lock.last - lock.first + 1);
  return host;
}

FileLock from_host(const struct flock& host) {
  const auto first = static_cast<std::uint64_t>(host.l_start);
  return {.type = host.l_type == F_WRLCK ? LockType::exclusive : LockType::shared,
          .first = first,
          .last = host.l_len == 0 ? FileLock::kToEnd : first + static_cast<std::uint64_t>(host.l_len) - 1,
          .pid = std::max(host.l_pid, 0)};
}

// EACCES and EAGAIN mean the same (fcntl(2)).
bool is_taken(Errno error) { return error == Errno::again || error == Errno::access; }

HostNode::LockUse lock_use(LockType type) {
  return type == LockType::exclusive ? HostNode::LockUse::exclusive_too : HostNode::LockUse::shared;
}

int flock_operation(LockType type) {
  if (type == LockType::unlock) return LOCK_UN;
  return type == LockType::exclusive ? LOCK_EX : LOCK_SH;
}

}  // namespace

Task<std::optional<FileLock>> HostFile::getlk(const Request&, LockOwner owner, FileLock wanted) {
  LockTable& locks = node_->core().locks;
  const auto holder = co_await locks.hold(*node_, owner, wanted.pid, lock_use(wanted.type));
  remember(owner);
  struct flock host = to_host(wanted);
  if (::fcntl(holder->fd.get(), F_OFD_GETLK, &host) != 0) co_return static_cast<Errno>(errno);
  if (host.l_type == F_UNLCK) co_return std::nullopt;
  FileLock found = from_host(host);
  // The host numbers no process for a lock of a description: most often one of ours.
  if (host.l_pid < 0) found.pid = locks.another(*node_, owner).value_or(0);
  co_return found;
}

Task<> HostFile::setlk(const Request& request, LockOwner owner, FileLock lock, LockWait wait) {
  LockTable& locks = node_->core().locks;
  const bool everything = lock.first == 0 && lock.last >= FileLock::kToEnd;
  if (lock.type == LockType::unlock && (everything || !locks.holds(*node_))) {
    locks.drop(*node_, owner);
    co_return {};
  }
  auto holder = co_await locks.hold(*node_, owner, lock.pid, lock_use(lock.type));
  remember(owner);
  struct flock host = to_host(lock);
  if (::fcntl(holder->fd.get(), F_OFD_SETLK, &host) == 0) co_return {};
  auto error = static_cast<Errno>(errno);
  if (error == Errno::bad_handle && lock.type == LockType::exclusive) {
    // An executable of which this owner had shared locks so far: they go, for two descriptions would be two owners.
    locks.drop(*node_, owner);
    holder = co_await locks.hold(*node_, owner, lock.pid, HostNode::LockUse::exclusive_too);
    if (::fcntl(holder->fd.get(), F_OFD_SETLK, &host) == 0) co_return {};
    error = static_cast<Errno>(errno);
  }
  if (!is_taken(error)) co_return error;
  if (wait == LockWait::no) co_return Errno::again;
  const auto wait_for_it = [holder, lock]() -> Result<> {
    struct flock wanted = to_host(lock);
    if (::fcntl(holder->fd.get(), F_OFD_SETLKW, &wanted) != 0) return fail_with_errno();
    return {};
  };
  co_await blocking(request, wait_for_it);
  co_return {};
}

Task<> HostFile::flock(const Request& request, LockOwner, LockType type, LockWait wait) {
  const std::shared_ptr<Fd> description = co_await flock_description();
  const int operation = flock_operation(type);
  if (::flock(description->get(), operation | LOCK_NB) == 0) co_return {};
  const auto error = static_cast<Errno>(errno);
  if (error != Errno::again || wait == LockWait::no) co_return error;
  const auto wait_for_it = [description, operation]() -> Result<> {
    if (::flock(description->get(), operation) != 0) return fail_with_errno();
    return {};
  };
  co_await blocking(request, wait_for_it);
  co_return {};
}

Task<> HostFile::flush(const Request&, LockOwner owner) {
  node_->core().locks.drop(*node_, owner);
  co_return {};
}

// One of this handle's own, whichever descriptor its data goes through.
Result<std::shared_ptr<Fd>> HostFile::flock_description() {
  {
    const std::lock_guard lock(mutex_);
    if (flock_ != nullptr) return flock_;
  }
  Result<Fd> fd = node_->open_for_locks(HostNode::LockUse::whole_file);
  if (!fd) return fail(fd.error());
  auto fresh = std::make_shared<Fd>(*std::move(fd));
  const std::lock_guard lock(mutex_);
  if (flock_ == nullptr) flock_ = std::move(fresh);
  return flock_;
}

void HostFile::remember(LockOwner owner) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(lock_owners_, owner) == lock_owners_.end()) lock_owners_.push_back(owner);
}

}  // namespace fusebox
