// A file that has what device-like files have: locks, ioctl, poll.  What is not asked of a file in memory
// (memory_tree.h) is asked of this one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fusebox/node.h"

namespace fusebox::testing {

// Each open gives the node itself as the handle; with handle number 0 the same operations reach it as a node.
class Gadget final : public Node, public std::enable_shared_from_this<Gadget> {
 public:
  Task<Attr> getattr(const Request&, Ref<Handle> open) override;
  Task<Opened> open(const Request&, int flags) override;

  // EAGAIN, or a wait that ends with EINTR, where another owner's lock stands in the way.
  Task<std::optional<FileLock>> getlk(const Request&, LockOwner owner, FileLock wanted) override;
  Task<> setlk(const Request& request, LockOwner owner, FileLock lock, LockWait wait) override;
  Task<> flock(const Request& request, LockOwner owner, LockType type, LockWait wait) override;

  // As many bytes as there are on both sides, backwards; what ioctl(2) returns is the argument's low byte.
  Task<IoctlReply> ioctl(const Request&, unsigned command, std::uint64_t argument, std::span<const std::byte> in,
                         std::span<std::byte> out) override;

  Task<unsigned> poll(const Request&, unsigned events, std::optional<PollHandle> tell) override;

  // Makes `events` true, and gives whom to tell of it.
  std::optional<PollHandle> become_ready(unsigned events);

 private:
  using Held = std::pair<LockOwner, FileLock>;

  std::optional<FileLock> in_the_way(const std::vector<Held>& held, LockOwner owner, const FileLock& lock) const;
  Result<> try_to_set(std::vector<Held>& held, LockOwner owner, const FileLock& lock);
  Task<> set(const Request& request, std::vector<Held>& held, LockOwner owner, FileLock lock, LockWait wait);

  std::mutex mutex_;  // guards all below
  std::vector<Held> ranges_;
  std::vector<Held> wholes_;  // flock(2)'s
  unsigned ready_ = 0;
  std::optional<PollHandle> tell_;
};

}  // namespace fusebox::testing
