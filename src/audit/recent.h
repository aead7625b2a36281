// A map of bounded size that forgets what was not asked for lately.
#pragma once

#include <cstddef>
#include <functional>
#include <unordered_map>
#include <utility>

namespace fusebox::audit {

// Two generations: what is found in the old one moves to the young one; when that is full, the old one is forgotten.
// So it holds between `generation` and twice as many entries, and each step costs the same.  Not thread-safe.
template <class Key, class Value, class Hash = std::hash<Key>>
class Recent {
 public:
  explicit Recent(std::size_t generation) : generation_(generation) {}

  // Null where it is not known (any more).  Good until the next call.
  Value* find(const Key& key) {
    if (const auto found = young_.find(key); found != young_.end()) return &found->second;
    auto node = old_.extract(key);
    if (node.empty()) return nullptr;
    make_room();
    return &young_.insert(std::move(node)).position->second;
  }

  // The entry, made empty where there is none.  Good until the next call.
  Value& operator[](const Key& key) {
    if (Value* found = find(key)) return *found;
    make_room();
    return young_[key];
  }

  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  void make_room() {
    if (young_.size() < generation_) return;
    old_ = std::move(young_);
    young_ = {};
  }

  std::size_t generation_;
  std::unordered_map<Key, Value, Hash> young_;
  std::unordered_map<Key, Value, Hash> old_;
};

}  // namespace fusebox::audit
