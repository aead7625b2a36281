// The one way into a Ruby interpreter for the requests of a mount: one at a time, in the order in which they came, and
// none held up for longer than the limit.
//
// Whoever finds the lane free runs its call on its own thread, and those that came meanwhile after it: the hop to
// another thread would cost more than most hooks do.  Ruby code cannot be stopped from outside.  A call that runs for
// longer than the limit is therefore abandoned: its caller and all behind it get ETIMEDOUT, and so does everybody who
// comes, at once, until it returns.  Then the lane is free again, and what the call gave is dropped.
#pragma once

#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "fusebox/result.h"

namespace fusebox::script {

class Lane {
 public:
  // One call into Ruby.  Owns all that run() uses: where it is abandoned, its caller is gone before run() ends.
  class Call {
   public:
    virtual ~Call() = default;
    virtual void run() = 0;
    virtual std::string name() const = 0;  // "on_read of /hello"

   private:
    friend Lane;
    enum class State : std::uint8_t { waiting, done, abandoned };
    State state_ = State::waiting;
    std::coroutine_handle<> coroutine_;  // null: nobody waits
  };

  // `tell` gets lines about calls that exceed the limit; any thread.
  Lane(std::chrono::nanoseconds limit, std::function<void(const std::string&)> tell);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // `co_await lane.pass(call)`: a Result.  Without an error the call has run, and is the caller's alone.
  struct Passing {
    Lane& lane;
    const std::shared_ptr<Call> call;

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> coroutine) const { return lane.enter(call, coroutine); }
    Result<> await_resume() const {
      if (call->state_ != Call::State::done) return fail(Errno::timed_out);
      return {};
    }
  };
  Passing pass(std::shared_ptr<Call> call) { return {*this, std::move(call)}; }

  // Runs it sometime, for nobody; not while the lane is held up.
  void drop_in(std::shared_ptr<Call> call) { enter(std::move(call), {}); }

  // Nobody gets in any more.  False: a call is still running after `patience`, and the interpreter is not to be
  // touched.
  bool close(std::chrono::nanoseconds patience);

 private:
  [[gnu::noinline]] bool enter(std::shared_ptr<Call> call, std::coroutine_handle<> coroutine);
  bool work(std::unique_lock<std::mutex>& lock, const Call* own);
  void leave();
  bool finish_current();
  void watch();
  void abandon_all(std::unique_lock<std::mutex>& lock);

  const std::chrono::nanoseconds limit_;
  const std::function<void(const std::string&)> tell_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Call>> waiting_;
  std::shared_ptr<Call> current_;
  std::chrono::steady_clock::time_point current_since_;
  bool busy_ = false;     // a thread is at work
  bool held_up_ = false;  // ... on a call that was abandoned
  bool closed_ = false;
  std::jthread watcher_;
};

}  // namespace fusebox::script
