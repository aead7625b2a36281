// Maps the kernel's file handle numbers to open files.  Any thread may call anything.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "fusebox/node.h"

namespace fusebox::tree {

enum class HandleId : std::uint64_t {};

// Numbers are never reused and never 0.
class HandleTable {
 public:
  HandleId add(Ref<Handle> handle);
  Ref<Handle> find(HandleId id) const;  // null: not open
  Ref<Handle> remove(HandleId id);      // null: was not open
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<HandleId, Ref<Handle>> handles;
  };
  static constexpr std::size_t kShards = 64;

  Shard& shard_of(HandleId id) { return shards_[static_cast<std::uint64_t>(id) % kShards]; }
  const Shard& shard_of(HandleId id) const { return shards_[static_cast<std::uint64_t>(id) % kShards]; }

  std::array<Shard, kShards> shards_;
  std::atomic<std::uint64_t> last_id_{0};
  std::atomic<std::size_t> size_{0};
};

}  // namespace fusebox::tree
