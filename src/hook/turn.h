// The right to use a channel, which one question at a time has.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace fusebox::hook {

// Not a mutex: a question may go on on another thread than it began on.
class Turn {
 public:
  // False: it was not to be had so soon.
  bool take_within(std::chrono::microseconds patience) {
    std::unique_lock lock(mutex_);
    if (!given_.wait_for(lock, patience, [this] { return !is_taken_; })) return false;
    is_taken_ = true;
    return true;
  }

  void take() {
    std::unique_lock lock(mutex_);
    given_.wait(lock, [this] { return !is_taken_; });
    is_taken_ = true;
  }

  void give() {
    const std::lock_guard lock(mutex_);
    is_taken_ = false;
    given_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable given_;
  bool is_taken_ = false;
};

}  // namespace fusebox::hook
