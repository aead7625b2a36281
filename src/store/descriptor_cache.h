// A bounded number of descriptors for an unbounded number of nodes (store layer).
//
// The owner of a descriptor (a node) keeps it until the cache asks for it back.  Whoever works with one holds a Lease;
// a descriptor closes when its owner has given it back and the last lease has ended, never under an operation.
// Threads: any.  Lock order: the cache calls an owner with no lock held; an owner calls the cache with no lock held.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "fusebox/fd.h"

namespace fusebox {

struct Descriptor {
  Descriptor(Fd opened, bool is_readable) : fd(std::move(opened)), readable(is_readable) {}

  Fd fd;
  bool readable;  // a data descriptor (O_RDONLY); otherwise O_PATH
  std::atomic<bool> recently_used{true};

 private:
  friend class DescriptorCache;
  static constexpr std::size_t kNoSlot = static_cast<std::size_t>(-1);
  std::size_t slot_ = kNoSlot;  // guarded by the cache
  bool pinned_ = false;         // guarded by the cache
};

using Lease = std::shared_ptr<Descriptor>;

class DescriptorOwner {
 public:
  // Gives the descriptor back, or says that it cannot: the file would not be found again.  Such a descriptor stays
  // until its owner forgets it.
  virtual bool surrender(const Descriptor& descriptor) = 0;

 protected:
  ~DescriptorOwner() = default;
};

class DescriptorCache {
 public:
  explicit DescriptorCache(std::size_t limit) : limit_(limit) {}

  // Counts a descriptor, and takes others back where that makes too many.
  void hold(std::weak_ptr<DescriptorOwner> owner, Lease descriptor);

  // The owner no longer keeps it.
  void forget(Descriptor& descriptor);

  // Takes back what can be spared: for a caller that was refused a descriptor (EMFILE).
  void shrink();

  std::size_t held() const;

 private:
  struct Slot {
    Lease descriptor;
    std::weak_ptr<DescriptorOwner> owner;
  };

  // The sanitizer looks at an object's type through a pipe (sanitizer_posix_libcdep.cpp: IsAccessibleMemoryRange), and
  // takes having no descriptor left for one for a bad type.
  [[clang::no_sanitize("vptr")]] void evict_one(std::size_t steps, std::unique_lock<std::mutex>& lock);
  Slot remove(std::size_t index);

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::vector<Slot> slots_;  // a clock: the hand passes over those used since it was here last
  std::size_t hand_ = 0;
  std::size_t pinned_ = 0;
};

}  // namespace fusebox
