// Maps the kernel's node ids to nodes: identity, lookup counts, and the names by which nodes were found.
//
// The kernel counts each reply that names a node; FORGET gives counts back, and at zero the node goes.  Node ids are
// never reused, so a late FORGET or a stale id can only miss.  Any thread may call anything.  Never does I/O.  Calls
// Node::located, and lets nodes die, only while it holds no lock.
//
// Lock order: structure_mutex_, then a Shard::mutex.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fusebox/node.h"

namespace fusebox::tree {

enum class NodeId : std::uint64_t {};
inline constexpr NodeId kRoot{1};

class InodeTable {
 public:
  // The root is always known: the kernel never forgets it.
  explicit InodeTable(Ref<Node> root);

  // The node the kernel calls `id`, or null when it has forgotten it.
  Ref<Node> find(NodeId id) const;

  // The node last found as `name` in `parent`, or null.
  Ref<Node> find(NodeId parent, std::string_view name) const;

  // What the kernel calls `node`, or the one of equal identity; 0: it does not know it.
  NodeId id_of(const Node& node) const;

  struct Entered {
    NodeId id{};
    Ref<Node> node;  // `node`, or the one of equal identity that was there before
  };

  // Counts one lookup of `node`, found as `name` in `parent` (an empty name: found without one, as an O_TMPFILE is).
  // Call it before the reply is written, for a FORGET may follow at once; where the reply then cannot be delivered,
  // forget(id, 1) takes the count back.
  Entered enter(NodeId parent, std::string_view name, Ref<Node> node);

  // Takes back `count` lookups; at zero the table lets go of the node.
  void forget(NodeId id, std::uint64_t count);

  // A name was taken away, or moved; tells the nodes concerned where they are now.
  void removed(NodeId parent, std::string_view name);
  void renamed(NodeId from, std::string_view name, NodeId to, std::string_view new_name, bool exchange);

  // Nodes that the kernel knows, the root included.
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  struct Dentry {
    NodeId parent{};
    std::string name;
    bool operator==(const Dentry&) const = default;
  };
  struct DentryHash {
    std::size_t operator()(const Dentry& dentry) const;
  };
  struct IdentityHash {
    std::size_t operator()(const Identity& identity) const;
  };
  struct Inode {
    Ref<Node> node;
    std::uint64_t lookups = 0;
    std::optional<Identity> identity;
    std::vector<Dentry> names;  // of which dentries_ says the same
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<NodeId, Inode> inodes;
  };
  static constexpr std::size_t kShards = 64;

  Shard& shard_of(NodeId id) { return shards_[static_cast<std::uint64_t>(id) % kShards]; }
  const Shard& shard_of(NodeId id) const { return shards_[static_cast<std::uint64_t>(id) % kShards]; }
  // True: it was one of the last of a great many.
  bool drop(NodeId id, std::uint64_t count);
  NodeId known_as(const Node& node, const std::optional<Identity>& identity) const;
  NodeId take_name(const Dentry& dentry);
  void give_name(NodeId id, Dentry dentry);
  void tell_place(NodeId id, NodeId parent, std::string_view name) const;

  std::array<Shard, kShards> shards_;
  mutable std::mutex structure_mutex_;  // guards all below, and every change of a Shard
  std::unordered_map<Identity, NodeId, IdentityHash> by_identity_;
  std::unordered_map<const Node*, NodeId> by_object_;  // nodes without an identity
  std::unordered_map<Dentry, NodeId, DentryHash> dentries_;
  std::uint64_t last_id_ = static_cast<std::uint64_t>(kRoot);
  std::atomic<std::size_t> size_{0};
};

}  // namespace fusebox::tree
