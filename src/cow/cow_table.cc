#include "cow/cow_table.h"

#include "base/sparse.h"
#include "cow/cow_node.h"

namespace fusebox {

std::size_t CowTable::Hash::operator()(const Identity& identity) const {
  constexpr std::uint64_t kMix = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  std::uint64_t hash = identity.inode * kMix;
  hash = (hash ^ (hash >> 29) ^ identity.device) * kMix;
  return hash ^ (hash >> 32);
}

Ref<CowNode> CowTable::find(Layer layer, const Identity& file) {
  const std::lock_guard lock(mutex_);
  const auto found = map(layer).find(file);
  // A node in the table may be about to end: then it waits for this lock in erase(), and is not revived.
  return found != map(layer).end() ? found->second->weak_from_this().lock() : nullptr;
}

void CowTable::add(Layer layer, const Identity& file, CowNode* node) {
  const std::lock_guard lock(mutex_);
  map(layer).insert_or_assign(file, node);
}

void CowTable::erase(Layer layer, const Identity& file, const CowNode* node) {
  const std::lock_guard lock(mutex_);
  const auto found = map(layer).find(file);
  if (found != map(layer).end() && found->second == node) map(layer).erase(found);
  give_back_buckets(map(layer));
}

std::size_t CowTable::size() const {
  const std::lock_guard lock(mutex_);
  return by_lower_.size() + by_upper_.size();
}

}  // namespace fusebox
