#include "cow/cow_file.h"

#include <sys/ioctl.h>

#include <utility>

#include "store/host_file.h"

namespace fusebox {
namespace {

// Fails with EIO, whatever is asked: a file whose copy cannot be opened must not go on showing the old contents.
class BrokenFile final : public Handle {
 public:
  Task<std::size_t> read(const Request&, std::uint64_t, std::span<std::byte>) override { co_return Errno::io; }
};

}  // namespace

CowFile::CowFile(Ref<CowNode> node, Ref<Handle> opened, bool is_lower)
    : node_(std::move(node)), began_lower_(is_lower), inner_(std::move(opened)) {}

CowFile::~CowFile() {
  if (began_lower_) node_->closed(this);
}

Ref<Handle> CowFile::inner() const {
  const std::lock_guard lock(mutex_);
  return inner_;
}

void CowFile::go_on_with(Ref<Handle> opened) {
  if (opened == nullptr) opened = make<BrokenFile>();
  const std::lock_guard lock(mutex_);
  before_ = std::exchange(inner_, std::move(opened));
}

// Locks stay where they were when the file was first seen: those who locked it before it was copied up meet those who
// come after.
Ref<Handle> CowFile::locks() {
  const Ref<HostNode>& file = node_->lock_node();
  const bool is_upper = file == node_->upper();  // the node's lock comes before ours
  const std::lock_guard lock(mutex_);
  if (locks_ != nullptr) return locks_;
  if (began_lower_) return locks_ = before_ != nullptr ? before_ : inner_;
  return locks_ = is_upper ? inner_ : make<HostFile>(file, Lease());
}

Task<std::size_t> CowFile::read(const Request& request, std::uint64_t offset, std::span<std::byte> into) {
  const Ref<Handle> file = inner();
  co_return co_await file->read(request, offset, into);
}

Task<std::size_t> CowFile::write(const Request& request, std::uint64_t offset, std::span<const std::byte> data) {
  const Ref<Handle> file = inner();
  co_return co_await file->write(request, offset, data);
}

// Of a lower file, none: while somebody splices from it, it may be copied up and changed.
std::optional<int> CowFile::source_of_reads() { return began_lower_ ? std::nullopt : inner()->source_of_reads(); }

Task<> CowFile::flush(const Request& request, LockOwner owner) {
  const Ref<Handle> file = locks();
  co_return co_await attempt(file->flush(request, owner));
}

Task<> CowFile::fsync(const Request& request, bool data_only) {
  const Ref<Handle> file = inner();
  co_return co_await attempt(file->fsync(request, data_only));
}

Task<> CowFile::fallocate(const Request& request, int mode, std::uint64_t offset, std::uint64_t length) {
  const Ref<Handle> file = inner();
  co_return co_await attempt(file->fallocate(request, mode, offset, length));
}

Task<std::uint64_t> CowFile::lseek(const Request& request, std::uint64_t offset, int whence) {
  const Ref<Handle> file = inner();
  co_return co_await file->lseek(request, offset, whence);
}

Task<std::size_t> CowFile::copy_file_range(const Request& request, std::uint64_t offset, Ref<Handle> target,
                                           std::uint64_t target_offset, std::size_t length) {
  const Ref<Handle> file = inner();
  if (auto* merged = dynamic_cast<CowFile*>(target.get())) target = merged->inner();
  co_return co_await file->copy_file_range(request, offset, std::move(target), target_offset, length);
}

Task<std::optional<FileLock>> CowFile::getlk(const Request& request, LockOwner owner, FileLock wanted) {
  const Ref<Handle> file = locks();
  co_return co_await file->getlk(request, owner, wanted);
}

Task<> CowFile::setlk(const Request& request, LockOwner owner, FileLock lock, LockWait wait) {
  const Ref<Handle> file = locks();
  co_return co_await attempt(file->setlk(request, owner, lock, wait));
}

Task<> CowFile::flock(const Request& request, LockOwner owner, LockType type, LockWait wait) {
  const Ref<Handle> file = locks();
  co_return co_await attempt(file->flock(request, owner, type, wait));
}

// Careful: an ioctl may change a file that is open for reading alone (FS_IOC_SETFLAGS).
Task<IoctlReply> CowFile::ioctl(const Request& request, unsigned command, std::uint64_t argument,
                                std::span<const std::byte> in, std::span<std::byte> out) {
  if ((_IOC_DIR(command) & _IOC_WRITE) != 0) co_await node_->copy_up();
  const Ref<Handle> file = inner();
  co_return co_await file->ioctl(request, command, argument, in, out);
}

}  // namespace fusebox
