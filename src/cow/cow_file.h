// An open regular file of the merged tree (cow layer).
#pragma once

#include <mutex>

#include "cow/cow_node.h"
#include "fusebox/node.h"

namespace fusebox {

// Reads the lower file until that is copied up, and the copy from then on.  Any thread.
class CowFile final : public Handle {
 public:
  // `opened`: of the node's upper file, or of its lower one.
  CowFile(Ref<CowNode> node, Ref<Handle> opened, bool is_lower);
  ~CowFile() override;
  CowFile(const CowFile&) = delete;
  CowFile& operator=(const CowFile&) = delete;

  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override;
  Task<std::size_t> write(const Request&, std::uint64_t offset, std::span<const std::byte> data) override;
  std::optional<int> source_of_reads() override;
  Task<> flush(const Request&, LockOwner owner) override;
  Task<> fsync(const Request&, bool data_only) override;
  Task<> fallocate(const Request&, int mode, std::uint64_t offset, std::uint64_t length) override;
  Task<std::uint64_t> lseek(const Request&, std::uint64_t offset, int whence) override;
  Task<std::size_t> copy_file_range(const Request&, std::uint64_t offset, Ref<Handle> target,
                                    std::uint64_t target_offset, std::size_t length) override;

  Task<std::optional<FileLock>> getlk(const Request&, LockOwner owner, FileLock wanted) override;
  Task<> setlk(const Request&, LockOwner owner, FileLock lock, LockWait wait) override;
  Task<> flock(const Request&, LockOwner owner, LockType type, LockWait wait) override;
  Task<IoctlReply> ioctl(const Request&, unsigned command, std::uint64_t argument, std::span<const std::byte> in,
                         std::span<std::byte> out) override;

  // What reads and writes now.
  Ref<Handle> inner() const;

  // The file was copied up.  Null: the copy could not be opened; whoever uses this handle gets EIO.
  void go_on_with(Ref<Handle> opened);

 private:
  Ref<Handle> locks();

  const Ref<CowNode> node_;
  const bool began_lower_;
  mutable std::mutex mutex_;  // guards what follows
  Ref<Handle> inner_;
  Ref<Handle> before_;  // what it was: a read may be under way
  Ref<Handle> locks_;
};

}  // namespace fusebox
