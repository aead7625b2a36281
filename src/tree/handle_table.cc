#include "tree/handle_table.h"

#include <utility>

namespace fusebox::tree {

HandleId HandleTable::add(Ref<Handle> handle) {
  const HandleId id{last_id_.fetch_add(1, std::memory_order_relaxed) + 1};
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  shard.handles.emplace(id, std::move(handle));
  size_.fetch_add(1, std::memory_order_relaxed);
  return id;
}

Ref<Handle> HandleTable::find(HandleId id) const {
  const Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.handles.find(id);
  return found == shard.handles.end() ? nullptr : found->second;
}

Ref<Handle> HandleTable::remove(HandleId id) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.handles.find(id);
  if (found == shard.handles.end()) return nullptr;
  Ref<Handle> handle = std::move(found->second);
  shard.handles.erase(found);
  size_.fetch_sub(1, std::memory_order_relaxed);
  return handle;
}

}  // namespace fusebox::tree
