// The nodes that the kernel knows, by their paths.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "fusebox/node.h"

namespace fusebox::script {

class NodeTable;

// A node with a place in the table, until it is destroyed or its name is taken away.
class PlacedNode : public Node {
 public:
  PlacedNode(NodeTable& table, std::string path) : table_(table), path_(std::move(path)) {}
  ~PlacedNode() override;

 protected:
  // ENOENT where the name was taken away.
  Result<std::string> path() const;

 private:
  friend NodeTable;

  NodeTable& table_;
  std::string path_;  // guarded by the table's mutex; empty: none
};

// Any thread.
class NodeTable {
 public:
  // `forgotten` is told of paths whose nodes were destroyed.
  explicit NodeTable(std::function<void(std::string path)> forgotten) : forgotten_(std::move(forgotten)) {}

  template <class T, class... Args>
  Ref<PlacedNode> find_or_make(const std::string& path, Args&&... args) {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<PlacedNode>& place = nodes_[path];
    Ref<PlacedNode> node = place.lock();
    if (!node) place = node = std::make_shared<T>(std::forward<Args>(args)..., *this, path);
    return node;
  }

  Ref<PlacedNode> find(const std::string& path) const;
  bool knows(const std::string& path) const { return find(path) != nullptr; }

  void removed(const std::string& path);
  void renamed(const std::string& from, const std::string& to);  // and all below; what was at `to` is gone

 private:
  friend PlacedNode;

  void destroyed(const std::string& path);
  void remove_locked(const std::string& path);

  const std::function<void(std::string)> forgotten_;
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<PlacedNode>> nodes_;
};

}  // namespace fusebox::script
