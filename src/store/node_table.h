// The nodes that are known, by identity: one file, one node, for as long as anybody holds it (store layer).
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "fusebox/node.h"

namespace fusebox {

class HostNode;

// Any thread.  Holds no node alive.  Lock order: innermost; it calls nothing.
class NodeTable {
 public:
  Ref<HostNode> find(const Identity& identity);
  // The node itself, or the one that another thread made of the same file meanwhile.
  Ref<HostNode> insert(Ref<HostNode> made);
  void erase(HostNode* node);

  std::size_t size() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Identity& identity) const;
    std::size_t operator()(const HostNode* node) const;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const HostNode* a, const HostNode* b) const;
    bool operator()(const Identity& a, const HostNode* b) const;
    bool operator()(const HostNode* a, const Identity& b) const { return (*this)(b, a); }
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_set<HostNode*, Hash, Equal> nodes;
  };
  static constexpr std::size_t kShards = 16;

  Shard& shard(const Identity& identity) { return shards_[(Hash{}(identity) >> 7) % kShards]; }

  std::array<Shard, kShards> shards_;
};

}  // namespace fusebox
