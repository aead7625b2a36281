#include "store/descriptor_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

namespace fusebox {
namespace {

class Owner final : public DescriptorOwner, public std::enable_shared_from_this<Owner> {
 public:
  explicit Owner(DescriptorCache& cache) : cache_(cache) {}
  ~Owner() {
    if (kept_ != nullptr) cache_.forget(*kept_);
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  Lease use() {
    Lease lease;
    {
      const std::lock_guard lock(mutex_);
      if (kept_ != nullptr) {
        kept_->recently_used = true;
        return kept_;
      }
      lease = kept_ = std::make_shared<Descriptor>(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)), true);
    }
    cache_.hold(weak_from_this(), lease);
    return lease;
  }

  bool surrender(const Descriptor& descriptor) override {
    Lease given;
    const std::lock_guard lock(mutex_);
    if (kept_.get() != &descriptor) return true;
    if (is_stubborn) return false;
    given = std::move(kept_);
    return true;
  }

  bool has_one() {
    const std::lock_guard lock(mutex_);
    return kept_ != nullptr;
  }

  bool is_stubborn = false;

 private:
  DescriptorCache& cache_;
  std::mutex mutex_;
  Lease kept_;
};

std::vector<std::shared_ptr<Owner>> owners(DescriptorCache& cache, std::size_t count) {
  std::vector<std::shared_ptr<Owner>> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(std::make_shared<Owner>(cache));
  return all;
}

TEST(DescriptorCache, HoldsNoMoreThanItsLimit) {
  DescriptorCache cache(8);
  const auto all = owners(cache, 100);
  for (const auto& owner : all) {
    owner->use();
    EXPECT_LE(cache.held(), 8U);
  }
  EXPECT_EQ(cache.held(), 8U);
}

TEST(DescriptorCache, ADescriptorInUseIsNotTaken) {
  DescriptorCache cache(4);
  const auto all = owners(cache, 50);
  const Lease lease = all[0]->use();
  for (const auto& owner : all) owner->use();
  EXPECT_TRUE(all[0]->has_one());
  EXPECT_GE(::fcntl(lease->fd.get(), F_GETFD), 0);
}

TEST(DescriptorCache, WhatIsUsedOftenStays) {
  DescriptorCache cache(8);
  const auto all = owners(cache, 60);
  const Lease first = all[0]->use();
  const int number = first->fd.get();
  for (const auto& owner : all) {
    owner->use();
    EXPECT_EQ(all[0]->use()->fd.get(), number);
  }
}

TEST(DescriptorCache, AnOwnerThatCannotGiveItBackKeepsIt) {
  DescriptorCache cache(4);
  auto all = owners(cache, 30);
  all[1]->is_stubborn = true;
  for (const auto& owner : all) owner->use();
  EXPECT_TRUE(all[1]->has_one());
  all.erase(all.begin() + 1);
  for (const auto& owner : all) owner->use();
  EXPECT_LE(cache.held(), 4U);
}

TEST(DescriptorCache, AnOwnerThatEndsTakesItsDescriptorAlong) {
  DescriptorCache cache(4);
  auto all = owners(cache, 4);
  for (const auto& owner : all) owner->use();
  all.clear();
  EXPECT_EQ(cache.held(), 0U);
}

TEST(DescriptorCache, ShrinkingSparesWhatIsInUse) {
  DescriptorCache cache(16);
  const auto all = owners(cache, 16);
  const Lease lease = all[3]->use();
  for (const auto& owner : all) owner->use();
  cache.shrink();
  EXPECT_LE(cache.held(), 8U);
  EXPECT_TRUE(all[3]->has_one());
}

TEST(DescriptorCache, ManyThreadsNeverUseAClosedDescriptor) {
  DescriptorCache cache(16);
  const auto all = owners(cache, 200);
  std::atomic<int> closed{0};
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::minstd_rand random(seed + 1);
      for (int i = 0; i < 5000; ++i) {
        const Lease lease = all[random() % all.size()]->use();
        if (::fcntl(lease->fd.get(), F_GETFD) < 0) ++closed;
        if (i % 1000 == 0) cache.shrink();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(closed, 0);
  EXPECT_LE(cache.held(), 16U + threads.size());
}

}  // namespace
}  // namespace fusebox
