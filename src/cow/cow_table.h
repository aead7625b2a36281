// The merged nodes that are known, by the files below that they show (cow layer).
#pragma once

#include <mutex>
#include <unordered_map>

#include "fusebox/node.h"

namespace fusebox {

class CowNode;

// Any thread.  Holds no node alive.  Lock order: innermost; it calls nothing.
class CowTable {
 public:
  enum class Layer { lower, upper };

  Ref<CowNode> find(Layer layer, const Identity& file);
  // From now on this node is found by that file.
  void add(Layer layer, const Identity& file, CowNode* node);
  void erase(Layer layer, const Identity& file, const CowNode* node);

  std::size_t size() const;

 private:
  struct Hash {
    std::size_t operator()(const Identity& identity) const;
  };
  using Map = std::unordered_map<Identity, CowNode*, Hash>;

  Map& map(Layer layer) { return layer == Layer::lower ? by_lower_ : by_upper_; }

  mutable std::mutex mutex_;  // guards what follows
  Map by_lower_;
  Map by_upper_;
};

}  // namespace fusebox
