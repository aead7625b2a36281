// Something that a handler waits for, and that a test makes happen.
#pragma once

#include <coroutine>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

namespace fusebox::testing {

// Any thread may set(); who waits goes on there, or on the thread that cancels it.  Outlives whoever waits for it.
class Event {
 public:
  class Wait;

  // `co_await event.wait(token)`: true once the event is set, false when `token` stopped first.
  Wait wait(std::stop_token token = {});

  void set();
  std::size_t waiting() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Wait*> waiting_;
  bool set_ = false;
};

class Event::Wait {
 public:
  Wait(Event& event, std::stop_token token) : event_(event), token_(std::move(token)) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() {
    on_stop_.reset();
    const std::lock_guard lock(event_.mutex_);
    std::erase(event_.waiting_, this);  // a task that is dropped while it waits
  }

  bool await_ready() noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    on_stop_.emplace(token_, Stop{*this});
    const std::lock_guard lock(event_.mutex_);
    if (cancelled_ || event_.set_) return false;
    event_.waiting_.push_back(this);
    return true;  // another thread may go on with us as soon as the lock is gone
  }
  bool await_resume() const noexcept { return !cancelled_; }

 private:
  friend Event;
  struct Stop {
    Wait& wait;
    void operator()() const { wait.cancel(); }
  };

  void cancel() {
    bool was_waiting = false;
    {
      const std::lock_guard lock(event_.mutex_);
      if (event_.set_) return;  // whoever set it goes on with us
      cancelled_ = true;
      was_waiting = std::erase(event_.waiting_, this) > 0;
    }
    if (was_waiting) handle_.resume();
  }

  Event& event_;
  std::stop_token token_;
  std::coroutine_handle<> handle_;
  bool cancelled_ = false;
  std::optional<std::stop_callback<Stop>> on_stop_;
};

inline Event::Wait Event::wait(std::stop_token token) { return Wait(*this, std::move(token)); }

inline void Event::set() {
  std::vector<Wait*> ready;
  {
    const std::lock_guard lock(mutex_);
    set_ = true;
    ready = std::exchange(waiting_, {});
  }
  for (Wait* wait : ready) wait->handle_.resume();
}

inline std::size_t Event::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace fusebox::testing
