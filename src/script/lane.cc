#include "script/lane.h"

#include <utility>
#include <vector>

namespace fusebox::script {
namespace {

std::string seconds(std::chrono::nanoseconds time) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(time).count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

Lane::Lane(std::chrono::nanoseconds limit, std::function<void(const std::string&)> tell)
    : limit_(limit), tell_(std::move(tell)), watcher_([this] { watch(); }) {}

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  watcher_.join();
}

// False: the coroutine goes on at once.  It may also have gone on, and ended, on another thread when this returns.
bool Lane::enter(std::shared_ptr<Call> call, std::coroutine_handle<> coroutine) {
  std::unique_lock lock(mutex_);
  if (held_up_ || closed_) {
    call->state_ = Call::State::abandoned;
    return false;
  }
  call->coroutine_ = coroutine;
  const Call* const own = call.get();
  waiting_.push_back(std::move(call));
  if (busy_) return true;
  busy_ = true;
  return work(lock, own);
}

bool Lane::work(std::unique_lock<std::mutex>& lock, const Call* own) {
  while (!waiting_.empty()) {
    current_ = std::move(waiting_.front());
    waiting_.pop_front();
    current_since_ = std::chrono::steady_clock::now();
    const std::shared_ptr<Call> call = current_;
    lock.unlock();
    call->run();
    lock.lock();
    const bool wanted = finish_current();
    if (call.get() == own && wanted && waiting_.empty()) {
      leave();
      return false;
    }
    if (!wanted || !call->coroutine_) continue;
    lock.unlock();
    call->coroutine_.resume();
    lock.lock();
  }
  leave();
  return true;
}

// Only who closes the lane waits for it to be free; the watcher is not to be woken for each call.
void Lane::leave() {
  busy_ = false;
  if (closed_) changed_.notify_all();
}

// Whether its caller still waits for it.
bool Lane::finish_current() {
  const std::shared_ptr<Call> call = std::exchange(current_, nullptr);
  if (call->state_ == Call::State::waiting) {
    call->state_ = Call::State::done;
    return true;
  }
  held_up_ = false;
  tell_(call->name() + ": has returned after " + seconds(std::chrono::steady_clock::now() - current_since_));
  return false;
}

// Sleeps until the running call may be overdue, or where none runs, for as long as one that begins now may take: so
// that calls need not wake it.
void Lane::watch() {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    const auto now = std::chrono::steady_clock::now();
    auto next = now + limit_;
    if (current_ != nullptr && !held_up_) {
      next = current_since_ + limit_;
      if (next <= now) {
        abandon_all(lock);
        continue;
      }
    }
    changed_.wait_until(lock, next, [this] { return closed_; });
  }
}

void Lane::abandon_all(std::unique_lock<std::mutex>& lock) {
  held_up_ = true;
  std::vector<std::shared_ptr<Call>> calls = {current_};
  calls.insert(calls.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
  for (const auto& call : calls) call->state_ = Call::State::abandoned;
  lock.unlock();
  tell_(calls.front()->name() + ": has not returned within " + seconds(limit_) +
        " (callers get ETIMEDOUT until it does; FUSE.hook_timeout sets the limit)");
  for (const auto& call : calls) {
    if (call->coroutine_) call->coroutine_.resume();
  }
  lock.lock();
}

bool Lane::close(std::chrono::nanoseconds patience) {
  std::unique_lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
  return changed_.wait_for(lock, patience, [this] { return !busy_; });
}

}  // namespace fusebox::script
