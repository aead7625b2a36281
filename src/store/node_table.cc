#include "store/node_table.h"

#include "base/sparse.h"
#include "store/host_node.h"

namespace fusebox {

std::size_t NodeTable::Hash::operator()(const Identity& identity) const {
  constexpr std::uint64_t kMix = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  std::uint64_t hash = identity.inode * kMix;
  hash = (hash ^ (hash >> 29) ^ identity.device) * kMix;
  return hash ^ (hash >> 32);
}

std::size_t NodeTable::Hash::operator()(const HostNode* node) const { return (*this)(node->known_identity()); }

bool NodeTable::Equal::operator()(const HostNode* a, const HostNode* b) const {
  return a->known_identity() == b->known_identity();
}

bool NodeTable::Equal::operator()(const Identity& a, const HostNode* b) const { return a == b->known_identity(); }

Ref<HostNode> NodeTable::find(const Identity& identity) {
  Shard& place = shard(identity);
  const std::lock_guard lock(place.mutex);
  const auto found = place.nodes.find(identity);
  // A node in the table may be about to end: then it waits for this lock in erase(), and is not revived.
  return found != place.nodes.end() ? (*found)->weak_from_this().lock() : nullptr;
}

Ref<HostNode> NodeTable::insert(Ref<HostNode> made) {
  Shard& place = shard(made->known_identity());
  const std::lock_guard lock(place.mutex);
  const auto found = place.nodes.find(made->known_identity());
  if (found != place.nodes.end()) {
    if (Ref<HostNode> node = (*found)->weak_from_this().lock()) return node;
    place.nodes.erase(found);
  }
  place.nodes.insert(made.get());
  return made;
}

void NodeTable::erase(HostNode* node) {
  Shard& place = shard(node->known_identity());
  const std::lock_guard lock(place.mutex);
  const auto found = place.nodes.find(node->known_identity());
  if (found != place.nodes.end() && *found == node) place.nodes.erase(found);
  give_back_buckets(place.nodes);
}

std::size_t NodeTable::size() const {
  std::size_t size = 0;
  for (const Shard& place : shards_) {
    const std::lock_guard lock(place.mutex);
    size += place.nodes.size();
  }
  return size;
}

}  // namespace fusebox
