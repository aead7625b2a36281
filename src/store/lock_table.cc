#include "store/lock_table.h"

namespace fusebox {

Result<std::shared_ptr<LockTable::Holder>> LockTable::hold(HostNode& node, LockOwner owner, pid_t pid,
                                                           HostNode::LockUse use) {
  const Key key{&node, owner};
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = holders_.find(key); found != holders_.end()) {
      found->second->pid.store(pid, std::memory_order_relaxed);
      return found->second;
    }
  }
  Result<Fd> fd = node.open_for_locks(use);
  if (!fd) return fail(fd.error());
  auto fresh = std::make_shared<Holder>(*std::move(fd), pid);
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] = holders_.try_emplace(key, std::move(fresh));
  if (is_new) size_.fetch_add(1, std::memory_order_relaxed);
  return place->second;
}

void LockTable::drop(const HostNode& node, LockOwner owner) {
  if (size_.load(std::memory_order_relaxed) == 0) return;
  std::shared_ptr<Holder> dropped;  // closes behind the lock
  const std::lock_guard lock(mutex_);
  const auto found = holders_.find(Key{&node, owner});
  if (found == holders_.end()) return;
  dropped = std::move(found->second);
  holders_.erase(found);
  size_.fetch_sub(1, std::memory_order_relaxed);
}

std::optional<pid_t> LockTable::another(const HostNode& node, LockOwner owner) const {
  const std::lock_guard lock(mutex_);
  for (auto holder = holders_.lower_bound(Key{&node, LockOwner{}});
       holder != holders_.end() && holder->first.first == &node; ++holder) {
    if (holder->first.second != owner) return holder->second->pid.load(std::memory_order_relaxed);
  }
  return std::nullopt;
}

bool LockTable::holds(const HostNode& node) const {
  if (size_.load(std::memory_order_relaxed) == 0) return false;
  const std::lock_guard lock(mutex_);
  const auto first = holders_.lower_bound(Key{&node, LockOwner{}});
  return first != holders_.end() && first->first.first == &node;
}

}  // namespace fusebox
