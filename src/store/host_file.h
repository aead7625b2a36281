// An open regular file of the host (store layer).
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "fusebox/fd.h"
#include "fusebox/node.h"
#include "store/host_node.h"

namespace fusebox {

// Reads through the node's shared descriptor, or through one of its own where it may write.  Any thread.
class HostFile final : public Handle {
 public:
  HostFile(Ref<HostNode> node, Fd own, int flags);
  // Reads through the node's descriptor; where `shared` is null, it is opened when it is first needed.
  HostFile(Ref<HostNode> node, Lease shared);
  ~HostFile() override;
  HostFile(const HostFile&) = delete;
  HostFile& operator=(const HostFile&) = delete;

  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override;
  Task<std::size_t> write(const Request&, std::uint64_t offset, std::span<const std::byte> data) override;
  std::optional<int> source_of_reads() override;
  Task<> fsync(const Request&, bool data_only) override;
  Task<> fallocate(const Request&, int mode, std::uint64_t offset, std::uint64_t length) override;
  Task<std::uint64_t> lseek(const Request&, std::uint64_t offset, int whence) override;
  Task<std::size_t> copy_file_range(const Request&, std::uint64_t offset, Ref<Handle> target,
                                    std::uint64_t target_offset, std::size_t length) override;

  Task<IoctlReply> ioctl(const Request&, unsigned command, std::uint64_t argument, std::span<const std::byte> in,
                         std::span<std::byte> out) override;
  Task<> flush(const Request&, LockOwner owner) override;
  Task<std::optional<FileLock>> getlk(const Request&, LockOwner owner, FileLock wanted) override;
  Task<> setlk(const Request&, LockOwner owner, FileLock lock, LockWait wait) override;
  Task<> flock(const Request&, LockOwner owner, LockType type, LockWait wait) override;

  bool writes() const { return writes_; }
  bool reads_and_writes() const { return reads_and_writes_; }
  Result<int> fd();
  bool has_descriptor() const;

  // Once, when the open is answered: what is undone when the handle ends.
  void opened_as(DataPath path) { path_ = path; }

 private:
  // Changes the contents of the file, so that set-id bits go where the caller has no right to keep them.
  template <class Call>
  auto change(const Request& request, Call&& call) -> decltype(call());
  Result<std::size_t> write_all(std::uint64_t offset, std::span<const std::byte> data, bool positional);
  Result<std::size_t> write_some(std::uint64_t offset, std::span<const std::byte> data, bool positional);

  Result<std::shared_ptr<Fd>> flock_description();
  void remember(LockOwner owner);

  Ref<HostNode> node_;
  Fd own_;
  mutable std::mutex mutex_;  // guards what follows, up to writes_
  Lease shared_;
  std::shared_ptr<Fd> flock_;
  std::vector<LockOwner> lock_owners_;  // who took fcntl locks through this handle
  bool writes_ = false;
  bool reads_and_writes_ = false;
  bool appends_ = false;
  std::optional<DataPath> path_;
};

}  // namespace fusebox
