// A Handle around a Handle: what was decided at open holds; data transfers are told to the log where it wants them.
#pragma once

#include "guard/guarded_node.h"

namespace fusebox::guard {

class GuardedHandle final : public Handle {
 public:
  // `opened` may be null: then `node` answers, the one inside.  `place` is where the file was when it was opened;
  // `directory` keeps a directory's node alive for its listings.
  GuardedHandle(Guard& guard, Ref<Handle> opened, const Ref<Node>& node, std::shared_ptr<const Place> place,
                Ref<GuardedNode> directory);

  Task<std::size_t> read(const Request& request, std::uint64_t offset, std::span<std::byte> into) override;
  Task<std::size_t> write(const Request& request, std::uint64_t offset, std::span<const std::byte> data) override;
  std::optional<int> source_of_reads() override;
  Task<> flush(const Request& request, LockOwner owner) override;
  Task<> fsync(const Request& request, bool data_only) override;
  Task<> fallocate(const Request& request, int mode, std::uint64_t offset, std::uint64_t length) override;
  Task<std::uint64_t> lseek(const Request& request, std::uint64_t offset, int whence) override;
  Task<std::size_t> copy_file_range(const Request& request, std::uint64_t offset, Ref<Handle> target,
                                    std::uint64_t target_offset, std::size_t length) override;
  Task<> readdir(const Request& request, std::uint64_t offset, DirSink& sink) override;

  Task<std::optional<FileLock>> getlk(const Request& request, LockOwner owner, FileLock wanted) override;
  Task<> setlk(const Request& request, LockOwner owner, FileLock lock, LockWait wait) override;
  Task<> flock(const Request& request, LockOwner owner, LockType type, LockWait wait) override;
  Task<IoctlReply> ioctl(const Request& request, unsigned command, std::uint64_t argument,
                         std::span<const std::byte> in, std::span<std::byte> out) override;
  Task<unsigned> poll(const Request& request, unsigned events, std::optional<PollHandle> tell) override;

  // What the store gave when it was opened; may be null.
  const Ref<Handle>& opened() const { return opened_; }
  const Place& place() const { return *place_; }

 private:
  Task<> readdir_by_hook(const Request& request, std::uint64_t offset, DirSink& sink);
  Task<bool> is_hidden_by_hook(const Request& request, const Ruling& ruling, std::string_view name);

  Guard& guard_;
  const Ref<Handle> opened_;
  const Ref<Handle> inner_;  // it, or the node
  const std::shared_ptr<const Place> place_;
  const Ref<GuardedNode> directory_;
};

}  // namespace fusebox::guard
