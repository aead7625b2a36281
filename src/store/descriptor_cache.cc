#include "store/descriptor_cache.h"

#include <algorithm>
#include <utility>

namespace fusebox {
namespace {

// How far the hand goes for one new descriptor: a bound on what one request pays when all the others are in use.  The
// number then exceeds the limit for a while; each later request takes back up to two.
constexpr std::size_t kSteps = 64;
constexpr int kEvictionsPerHold = 2;

// The owner's and the cache's own reference: one more is somebody at work.
constexpr long kIdleUses = 2;

}  // namespace

void DescriptorCache::hold(std::weak_ptr<DescriptorOwner> owner, Lease descriptor) {
  std::unique_lock lock(mutex_);
  descriptor->slot_ = slots_.size();
  slots_.push_back({std::move(descriptor), std::move(owner)});
  for (int i = 0; i < kEvictionsPerHold && slots_.size() + pinned_ > limit_; ++i) evict_one(kSteps, lock);
}

void DescriptorCache::forget(Descriptor& descriptor) {
  Slot removed;  // closes behind the lock
  const std::lock_guard lock(mutex_);
  if (descriptor.pinned_) {
    descriptor.pinned_ = false;
    --pinned_;
  }
  if (descriptor.slot_ != Descriptor::kNoSlot) removed = remove(descriptor.slot_);
}

void DescriptorCache::shrink() {
  std::unique_lock lock(mutex_);
  const std::size_t count = slots_.size();
  for (std::size_t i = 0; i < count / 2 + 1; ++i) evict_one(2 * slots_.size(), lock);
}

std::size_t DescriptorCache::held() const {
  const std::lock_guard lock(mutex_);
  return slots_.size() + pinned_;
}

void DescriptorCache::evict_one(std::size_t steps, std::unique_lock<std::mutex>& lock) {
  for (std::size_t step = 0; step < steps && !slots_.empty(); ++step) {
    if (hand_ >= slots_.size()) hand_ = 0;
    const Lease& candidate = slots_[hand_].descriptor;
    if (candidate.use_count() > kIdleUses || candidate->recently_used.exchange(false)) {
      ++hand_;
      continue;
    }
    Slot victim = remove(hand_);
    victim.descriptor->pinned_ = true;  // unless its owner lets go of it
    ++pinned_;
    lock.unlock();
    std::shared_ptr<DescriptorOwner> owner = victim.owner.lock();
    const bool surrendered = owner == nullptr || owner->surrender(*victim.descriptor);
    if (surrendered) forget(*victim.descriptor);
    // Careful: either may be the last reference; an owner that ends calls back.
    victim = {};
    owner.reset();
    lock.lock();
    return;
  }
}

DescriptorCache::Slot DescriptorCache::remove(std::size_t index) {
  std::swap(slots_[index], slots_.back());
  slots_[index].descriptor->slot_ = index;
  Slot removed = std::move(slots_.back());
  slots_.pop_back();
  removed.descriptor->slot_ = Descriptor::kNoSlot;
  return removed;
}

}  // namespace fusebox
