// What a handler may wait for without holding up another: timers, and work that blocks.
//
//   Task<std::size_t> read(const Request& request, ...) override {
//     co_await sleep_for(request, 1s);                                         // EINTR when the caller gives up
//     co_return co_await blocking(request, [this] { return slow_read(); });    // on a thread of its own
//   }
//
// Both end with Errno::interrupted when the caller of the request gives up.  The coroutine goes on on a thread of the
// executor's: after a timer on the one that all timers share (do nothing long there), after blocking work on the thread
// that did it.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "fusebox/request.h"
#include "fusebox/task.h"

#pragma GCC visibility push(default)
namespace fusebox {

// Any thread.  Its threads start when they are first needed, and at most 512 do what blocks; what comes on top of that
// waits for one of them.  Outlives whatever waits on it.  A task that is dropped while it waits takes its sleep, or its
// work in the queue, with it; work that runs is interrupted, and waited for.
class Executor {
 public:
  Executor();
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // EINTR once `cancelled` stops.
  Task<> sleep_for(std::chrono::nanoseconds duration, std::stop_token cancelled = {});

  // Runs `work`, a callable that gives a Result, where it may block.  When `cancelled` stops, work that has not begun
  // is dropped, and a system call that work is blocked in ends with EINTR (by SIGURG, whose handler does nothing);
  // work that sees EINTR gives Errno::interrupted.
  template <class F>
  auto blocking(F work, std::stop_token cancelled = {}) -> Task<typename std::invoke_result_t<F&>::value_type>;

  // pread(2) and pwrite(2), of all bytes: fewer only at the end of the file.
  Task<std::size_t> read(int fd, std::uint64_t offset, std::span<std::byte> into, std::stop_token cancelled = {});
  Task<std::size_t> write(int fd, std::uint64_t offset, std::span<const std::byte> data,
                          std::stop_token cancelled = {});

 private:
  struct [[gnu::visibility("hidden")]] Impl;
  class [[gnu::visibility("hidden")]] Timer;
  class Job;

  const std::unique_ptr<Impl> impl_;
};

// One piece of work on its way through an executor; lives in the frame that awaits it.
class Executor::Job {
 public:
  Job(Executor& executor, void (*run)(void*), void* work, std::stop_token cancelled);
  ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine);
  bool await_resume() const noexcept { return done_; }  // false: dropped

 private:
  friend Impl;
  struct Stop {
    Job& job;
    void operator()() const;
  };

  Impl& impl_;
  void (*const run_)(void*);
  void* const work_;
  std::stop_token cancelled_;
  std::coroutine_handle<> coroutine_;  // null once it goes on
  bool done_ = false;
  std::optional<std::stop_callback<Stop>> on_stop_;
};

template <class F>
auto Executor::blocking(F work, std::stop_token cancelled) -> Task<typename std::invoke_result_t<F&>::value_type> {
  struct Call {
    F& work;
    std::optional<std::invoke_result_t<F&>> result;
  } call{work, std::nullopt};
  const auto run = [](void* opaque) {
    Call& self = *static_cast<Call*>(opaque);
    self.result.emplace(self.work());
  };
  Job job(*this, run, &call, std::move(cancelled));
  if (!co_await job) co_return Errno::interrupted;
  co_return std::move(*call.result);
}

// For the time that the caller of a request waits.
inline Task<> sleep_for(const Request& request, std::chrono::nanoseconds duration) {
  return request.serving->executor().sleep_for(duration, request.cancelled());
}

template <class F>
auto blocking(const Request& request, F work) {
  return request.serving->executor().blocking(std::move(work), request.cancelled());
}

}  // namespace fusebox
#pragma GCC visibility pop
