#include "store/closer.h"

#include <chrono>
#include <system_error>
#include <utility>

namespace fusebox {
namespace {

// How long the thread rests between two looks: a wake-up for each descriptor would cost as much as closing it here.
constexpr std::chrono::milliseconds kRest{2};

// Beyond what RLIMIT_NOFILE has room for anyway, and what comes in one rest.
constexpr std::size_t kMost = 512;

}  // namespace

Closer::~Closer() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Closer::close_soon(Lease last) {
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) {
      try {
        thread_ = std::thread([this] { work(); });
      } catch (const std::system_error&) {
        return;
      }
    }
    if (waiting_.size() >= kMost) return;
    waiting_.push_back(std::move(last));
    if (!idle_) return;
    idle_ = false;
  }
  changed_.notify_one();
}

void Closer::work() {
  std::vector<Lease> closing;
  std::unique_lock lock(mutex_);
  while (!ended_ || !waiting_.empty()) {
    if (waiting_.empty()) {
      idle_ = true;
      changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
      idle_ = false;
      continue;
    }
    closing.swap(waiting_);
    lock.unlock();
    closing.clear();
    lock.lock();
    changed_.wait_for(lock, kRest, [this] { return ended_; });
  }
}

}  // namespace fusebox
