#include "store/backing_ids.h"

#include <utility>

namespace fusebox {

void BackingIds::idle(std::weak_ptr<BackingIdOwner> owner) {
  std::weak_ptr<BackingIdOwner> oldest;
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(owner));
    if (idle_.size() <= kKept) return;
    oldest = std::move(idle_.front());
    idle_.pop_front();
  }
  if (const std::shared_ptr<BackingIdOwner> node = oldest.lock()) node->drop_idle_backing_id();
}

}  // namespace fusebox
