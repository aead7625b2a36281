#include "script/node_table.h"

#include <vector>

namespace fusebox::script {

PlacedNode::~PlacedNode() { table_.destroyed(path_); }

Result<std::string> PlacedNode::path() const {
  const std::lock_guard lock(table_.mutex_);
  if (path_.empty()) return fail(Errno::no_entry);
  return path_;
}

Ref<PlacedNode> NodeTable::find(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(path);
  return found != nodes_.end() ? found->second.lock() : nullptr;
}

void NodeTable::destroyed(const std::string& path) {
  if (path.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(path);
    if (found == nodes_.end() || !found->second.expired()) return;  // there is another one by now
    nodes_.erase(found);
  }
  forgotten_(path);
}

void NodeTable::removed(const std::string& path) {
  Ref<PlacedNode> last;  // let go after the lock
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(path);
  if (found != nodes_.end()) last = found->second.lock();
  remove_locked(path);
}

void NodeTable::remove_locked(const std::string& path) {
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return;
  if (const Ref<PlacedNode> node = found->second.lock()) node->path_.clear();
  nodes_.erase(found);
}

void NodeTable::renamed(const std::string& from, const std::string& to) {
  std::vector<Ref<PlacedNode>> kept;  // none may be destroyed while the lock is held
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::weak_ptr<PlacedNode>>> moved;
  if (const auto found = nodes_.find(from); found != nodes_.end()) moved.push_back(*found);
  const std::string prefix = from + "/";
  for (auto below = nodes_.lower_bound(prefix); below != nodes_.end() && below->first.starts_with(prefix); ++below) {
    moved.push_back(*below);
  }
  if (const auto found = nodes_.find(to); found != nodes_.end()) kept.push_back(found->second.lock());
  remove_locked(to);
  for (auto& [path, node] : moved) {
    nodes_.erase(path);
    const Ref<PlacedNode> alive = node.lock();
    if (!alive) continue;
    kept.push_back(alive);
    alive->path_ = to + path.substr(from.size());
    nodes_[alive->path_] = alive;
  }
}

}  // namespace fusebox::script
