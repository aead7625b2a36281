#include "tree/inode_table.h"

#include <malloc.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/sparse.h"

namespace fusebox::tree {
namespace {

// Mixes a word into a hash; the multiplier is the 64-bit golden ratio (Knuth, TAOCP 6.4).
std::size_t mix(std::size_t hash, std::uint64_t word) {
  hash ^= word;
  hash *= 0x9e3779b97f4a7c15ull;
  return hash ^ (hash >> 32);
}

constexpr NodeId kNone{0};

}  // namespace

std::size_t InodeTable::DentryHash::operator()(const Dentry& dentry) const {
  return mix(std::hash<std::string_view>()(dentry.name), static_cast<std::uint64_t>(dentry.parent));
}

std::size_t InodeTable::IdentityHash::operator()(const Identity& identity) const {
  return mix(mix(mix(0, identity.device), identity.inode), identity.generation);
}

InodeTable::InodeTable(Ref<Node> root) {
  const std::optional<Identity> identity = root->identity();
  if (identity) {
    by_identity_.emplace(*identity, kRoot);
  } else {
    by_object_.emplace(root.get(), kRoot);
  }
  shard_of(kRoot).inodes.emplace(kRoot,
                                 Inode{.node = std::move(root), .lookups = 1, .identity = identity, .names = {}});
  size_ = 1;
}

Ref<Node> InodeTable::find(NodeId id) const {
  const Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.inodes.find(id);
  return found == shard.inodes.end() ? nullptr : found->second.node;
}

Ref<Node> InodeTable::find(NodeId parent, std::string_view name) const {
  NodeId id = kNone;
  {
    const std::lock_guard lock(structure_mutex_);
    const auto found = dentries_.find(Dentry{parent, std::string(name)});
    if (found != dentries_.end()) id = found->second;
  }
  return id == kNone ? nullptr : find(id);
}

NodeId InodeTable::known_as(const Node& node, const std::optional<Identity>& identity) const {
  if (identity) {
    const auto found = by_identity_.find(*identity);
    return found == by_identity_.end() ? kNone : found->second;
  }
  const auto found = by_object_.find(&node);
  return found == by_object_.end() ? kNone : found->second;
}

NodeId InodeTable::id_of(const Node& node) const {
  const std::optional<Identity> identity = node.identity();
  const std::lock_guard lock(structure_mutex_);
  return known_as(node, identity);
}

InodeTable::Entered InodeTable::enter(NodeId parent, std::string_view name, Ref<Node> node) {
  const std::optional<Identity> identity = node->identity();
  Entered entered;
  bool is_where_it_was = false;
  {
    const std::lock_guard lock(structure_mutex_);
    entered.id = known_as(*node, identity);
    if (entered.id == kNone) {
      entered.id = NodeId{++last_id_};
      if (identity) {
        by_identity_.emplace(*identity, entered.id);
      } else {
        by_object_.emplace(node.get(), entered.id);
      }
      size_.fetch_add(1, std::memory_order_relaxed);
    }
    Shard& shard = shard_of(entered.id);
    std::unique_lock shard_lock(shard.mutex);
    Inode& inode = shard.inodes[entered.id];
    if (!inode.node) {
      inode.node = node;
      inode.identity = identity;
    }
    ++inode.lookups;
    entered.node = inode.node;
    // Nearly every lookup finds what was known, and asks no other table.
    const bool is_known_name = std::ranges::any_of(
        inode.names, [&](const Dentry& known) { return known.parent == parent && known.name == name; });
    is_where_it_was = name.empty() || (is_known_name && inode.names.size() == 1);
    shard_lock.unlock();
    if (!name.empty() && !is_known_name) give_name(entered.id, Dentry{parent, std::string(name)});
  }
  if (!is_where_it_was) tell_place(entered.id, parent, name);
  return entered;
}

void InodeTable::forget(NodeId id, std::uint64_t count) {
  if (id == kRoot || !drop(id, count)) return;
  // The allocator keeps what is freed, for the next million.  There may be none: a tree is walked once, and the server
  // lives on.
  ::malloc_trim(0);
}

bool InodeTable::drop(NodeId id, std::uint64_t count) {
  Ref<Node> last;  // declared first: dies after the locks
  const std::lock_guard lock(structure_mutex_);
  Shard& shard = shard_of(id);
  const std::lock_guard shard_lock(shard.mutex);
  const auto found = shard.inodes.find(id);
  if (found == shard.inodes.end()) return false;
  Inode& inode = found->second;
  inode.lookups -= std::min(inode.lookups, count);
  if (inode.lookups > 0) return false;
  for (const Dentry& dentry : inode.names) dentries_.erase(dentry);
  if (inode.identity) {
    by_identity_.erase(*inode.identity);
  } else {
    by_object_.erase(inode.node.get());
  }
  last = std::move(inode.node);
  shard.inodes.erase(found);
  size_.fetch_sub(1, std::memory_order_relaxed);
  give_back_buckets(shard.inodes);
  give_back_buckets(dentries_);
  return give_back_buckets(by_identity_) || give_back_buckets(by_object_);
}

NodeId InodeTable::take_name(const Dentry& dentry) {
  const auto found = dentries_.find(dentry);
  if (found == dentries_.end()) return kNone;
  const NodeId id = found->second;
  dentries_.erase(found);
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto inode = shard.inodes.find(id);
  if (inode != shard.inodes.end()) std::erase(inode->second.names, dentry);
  return id;
}

void InodeTable::give_name(NodeId id, Dentry dentry) {
  take_name(dentry);  // from another node, which was replaced behind our back
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto inode = shard.inodes.find(id);
  if (inode == shard.inodes.end()) return;
  inode->second.names.push_back(dentry);
  dentries_.emplace(std::move(dentry), id);
}

void InodeTable::removed(NodeId parent, std::string_view name) {
  const std::lock_guard lock(structure_mutex_);
  take_name(Dentry{parent, std::string(name)});
}

void InodeTable::renamed(NodeId from, std::string_view name, NodeId to, std::string_view new_name, bool exchange) {
  NodeId moved = kNone;
  NodeId replaced = kNone;
  {
    const std::lock_guard lock(structure_mutex_);
    const Dentry source{from, std::string(name)};
    const Dentry target{to, std::string(new_name)};
    moved = take_name(source);
    replaced = take_name(target);
    if (moved != kNone) give_name(moved, target);
    if (exchange && replaced != kNone) give_name(replaced, source);
  }
  if (moved != kNone) tell_place(moved, to, new_name);
  if (exchange && replaced != kNone) tell_place(replaced, from, name);
}

void InodeTable::tell_place(NodeId id, NodeId parent, std::string_view name) const {
  const Ref<Node> node = find(id);
  const Ref<Node> directory = find(parent);
  if (node && directory) node->located(directory, name);
}

}  // namespace fusebox::tree
