#include "guard/used_names.h"

#include <utility>

namespace fusebox::guard {

void UsedNames::remember(pid_t tid, const Identity& file, std::string path) {
  any_.store(true, std::memory_order_relaxed);
  Shard& shard = shards_[static_cast<std::size_t>(tid) % kShards];
  const std::lock_guard lock(shard.mutex);
  if (shard.by_thread.size() >= kMostPerShard && !shard.by_thread.contains(tid)) shard.by_thread.clear();
  shard.by_thread.insert_or_assign(tid, Used{file, std::move(path)});
}

std::optional<std::string> UsedNames::find(pid_t tid, const std::optional<Identity>& file) const {
  if (!file || !any_.load(std::memory_order_relaxed)) return std::nullopt;
  const Shard& shard = shards_[static_cast<std::size_t>(tid) % kShards];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_thread.find(tid);
  if (found == shard.by_thread.end() || found->second.file != *file) return std::nullopt;
  return found->second.path;
}

}  // namespace fusebox::guard
