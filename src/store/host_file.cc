#include "store/host_file.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <limits>
#include <utility>

#include "store/host_core.h"
#include "store/host_ioctl.h"

namespace fusebox {
namespace {

constexpr std::size_t kPage = 4096;

constexpr int kNoAppend = 0x20;  // RWF_NOAPPEND of linux/fs.h, Linux 6.9

// A larger offset or length is negative to the kernel, which answers EINVAL.
off_t to_offset(std::uint64_t value) { return static_cast<off_t>(value); }

Result<> outcome_of(int returned) {
  if (returned != 0) return fail_with_errno();
  return {};
}

}  // namespace

HostFile::HostFile(Ref<HostNode> node, Fd own, int flags)
    : node_(std::move(node)),
      own_(std::move(own)),
      writes_((flags & O_ACCMODE) != O_RDONLY),
      reads_and_writes_((flags & O_ACCMODE) == O_RDWR),
      appends_((flags & O_APPEND) != 0) {}

HostFile::HostFile(Ref<HostNode> node, Lease shared) : node_(std::move(node)), shared_(std::move(shared)) {}

HostFile::~HostFile() {
  // Locks of open file descriptions (F_OFD_SETLK), and those whose owners closed it without a FLUSH.
  for (const LockOwner owner : lock_owners_) node_->core().locks.drop(*node_, owner);
  if (path_) node_->closed(*path_, writes_);
}

bool HostFile::has_descriptor() const {
  if (own_) return true;
  const std::lock_guard lock(mutex_);
  return shared_ != nullptr;
}

Result<int> HostFile::fd() {
  if (own_) return own_.get();
  const std::lock_guard lock(mutex_);
  if (shared_ == nullptr) {
    Result<Lease> lease = node_->acquire(HostNode::Need::data);
    if (!lease) return fail(lease.error());
    shared_ = *std::move(lease);
  }
  return shared_->fd.get();
}

Task<std::size_t> HostFile::read(const Request&, std::uint64_t offset, std::span<std::byte> into) {
  const int file = co_await fd();
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = ::pread(file, into.data() + done, into.size() - done, to_offset(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && done == 0) co_return static_cast<Errno>(errno);
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
    if (static_cast<std::size_t>(count) % kPage != 0) break;  // only the end of a file comes within a page
  }
  co_return done;
}

template <class Call>
auto HostFile::change(const Request& request, Call&& call) -> decltype(call()) {
  if (!node_->may_have_set_id() || request.caller.uid == 0) return std::forward<Call>(call)();
  // As the caller, who lacks CAP_FSETID, so that the kernel drops the set-id bits below.
  return as_caller(node_->core().groups, request.caller, std::forward<Call>(call));
}

std::optional<int> HostFile::source_of_reads() {
  const Result<int> file = fd();
  return file ? std::optional(*file) : std::nullopt;
}

Task<std::size_t> HostFile::write(const Request& request, std::uint64_t offset, std::span<const std::byte> data) {
  // An O_APPEND descriptor appends whatever the offset, so that writers inside and outside do not overwrite each other.
  // Not so what the kernel writes back from a mapping, for nobody (fs/fuse/file.c: fuse_writepages_send): that has its
  // place.
  const bool is_positional = appends_ && request.caller.tid == 0;
  co_return change(request, [&] { return write_all(offset, data, is_positional); });
}

Result<std::size_t> HostFile::write_all(std::uint64_t offset, std::span<const std::byte> data, bool positional) {
  std::size_t done = 0;
  while (done < data.size()) {
    const Result<std::size_t> count = write_some(offset + done, data.subspan(done), positional);
    if (!count && count.error() == Errno::interrupted) continue;
    if (!count && done == 0) return count;
    if (!count || *count == 0) break;
    done += *count;
  }
  return done;
}

Result<std::size_t> HostFile::write_some(std::uint64_t offset, std::span<const std::byte> data, bool positional) {
  ssize_t count = -1;
  if (positional) {
    iovec part{.iov_base = const_cast<std::byte*>(data.data()), .iov_len = data.size()};
    count = ::pwritev2(own_.get(), &part, 1, to_offset(offset), kNoAppend);
    if (count < 0 && errno == EOPNOTSUPP) {
      const Result<Fd> plain = node_->core().reopen(own_.get(), O_WRONLY);
      if (!plain) return fail(plain.error());
      count = ::pwrite(plain->get(), data.data(), data.size(), to_offset(offset));
    }
  } else {
    count = ::pwrite(own_.get(), data.data(), data.size(), to_offset(offset));
  }
  if (count < 0) return fail_with_errno();
  return static_cast<std::size_t>(count);
}

Task<> HostFile::fsync(const Request&, bool data_only) {
  const int file = co_await fd();
  co_return outcome_of(data_only ? ::fdatasync(file) : ::fsync(file));
}

Task<> HostFile::fallocate(const Request& request, int mode, std::uint64_t offset, std::uint64_t length) {
  const int file = co_await fd();
  co_return change(request, [&] { return outcome_of(::fallocate(file, mode, to_offset(offset), to_offset(length))); });
}

Task<std::uint64_t> HostFile::lseek(const Request&, std::uint64_t offset, int whence) {
  // The others would move the position, which all openers share here, and which the kernel keeps above.
  if (whence != SEEK_DATA && whence != SEEK_HOLE) co_return Errno::invalid;
  const off_t found = ::lseek(co_await fd(), to_offset(offset), whence);
  if (found < 0) co_return static_cast<Errno>(errno);
  co_return static_cast<std::uint64_t>(found);
}

Task<std::size_t> HostFile::copy_file_range(const Request& request, std::uint64_t offset, Ref<Handle> target,
                                            std::uint64_t target_offset, std::size_t length) {
  auto* to = dynamic_cast<HostFile*>(target.get());
  if (to == nullptr) co_return Errno::cross_device;
  const int from = co_await fd();
  const int into = co_await to->fd();
  off_t from_offset = to_offset(offset);
  off_t into_offset = to_offset(target_offset);
  co_return to->change(request, [&]() -> Result<std::size_t> {
    const ssize_t count = ::copy_file_range(from, &from_offset, into, &into_offset, length, 0);
    if (count < 0) return fail_with_errno();
    return static_cast<std::size_t>(count);
  });
}

Task<IoctlReply> HostFile::ioctl(const Request&, unsigned command, std::uint64_t, std::span<const std::byte> in,
                                 std::span<std::byte> out) {
  co_return pass_ioctl(co_await fd(), command, in, out);
}

}  // namespace fusebox
