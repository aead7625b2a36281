// A task that goes on on other threads, run from code that is no coroutine.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "fusebox/task.h"

namespace fusebox::testing {

// Runs its task to the end, on whatever threads that visits, whether anybody waits for the end or not.
template <class T = void>
class [[nodiscard]] Running {
 public:
  explicit Running(Task<T> task) : state_(std::make_shared<State>()) { run(std::move(task), state_); }

  bool ended() const {
    const std::lock_guard lock(state_->mutex);
    return state_->result.has_value();
  }

  // What it ended with.  A task that never ends fails the test, with EAGAIN.
  Result<T> wait() const {
    std::unique_lock lock(state_->mutex);
    const auto is_there = [this] { return state_->result.has_value(); };
    if (!state_->changed.wait_for(lock, std::chrono::seconds(20), is_there)) {
      ADD_FAILURE() << "a task that does not end";
      return fail(Errno::again);
    }
    return *state_->result;
  }

 private:
  struct State {
    std::mutex mutex;  // guards result
    std::condition_variable changed;
    std::optional<Result<T>> result;
  };

  // Nobody awaits it.
  struct Foot {
    struct promise_type final : detail::PromiseCommon<void> {
      Foot get_return_object() {
        self = std::coroutine_handle<promise_type>::from_promise(*this);
        return {};
      }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() noexcept {}
    };
  };

  static Foot run(Task<T> task, std::shared_ptr<State> state) {
    Result<T> result = co_await attempt(std::move(task));
    const std::lock_guard lock(state->mutex);
    state->result.emplace(std::move(result));
    state->changed.notify_all();
  }

  std::shared_ptr<State> state_;
};

}  // namespace fusebox::testing
