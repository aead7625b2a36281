// Task<T>: a coroutine that ends with a T or with an Errno.
//
// In a coroutine that returns a Task, `co_await x` is the question mark: where x (a Task or a Result) succeeded, it is
// the value; where x failed, this coroutine ends at once with the same error.  To look at the error instead, write
// `auto result = co_await attempt(std::move(task));`.
//
// Ownership: a Task owns its frame; it is move-only and is awaited once.  A coroutine owns what it uses: parameters are
// passed by value, or by reference to something that outlives the await.  Never hold a mutex across a co_await.
// Threads: a Task runs on the thread that resumes it; one thread at a time.
#pragma once

#include <concepts>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "fusebox/result.h"

#pragma GCC visibility push(default)
namespace fusebox {

template <class T = void>
class Task;

// A task whose failure is looked at instead of passed on; made by attempt().
template <class T>
struct Attempt {
  Task<T> task;
};

namespace detail {

// Frames are recycled per thread and size, so that a request on the hot path does not reach the heap.
void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

struct PromiseBase {
  std::coroutine_handle<> self;
  PromiseBase* parent = nullptr;  // who awaits us
  bool propagates = true;         // does our failure become theirs?
  bool ended = false;             // by co_return, or by a failure further down

  PromiseBase() = default;
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

  virtual bool failed(Errno& error) const noexcept = 0;
  virtual void fail_with(Errno error) noexcept = 0;

  std::suspend_always initial_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }

  // Walks up past every frame that our failure also ends, and says who goes on.
  std::coroutine_handle<> complete() noexcept {
    PromiseBase* promise = this;
    promise->ended = true;
    Errno error{};
    while (promise->parent != nullptr && promise->failed(error) && promise->propagates) {
      promise->parent->fail_with(error);
      promise = promise->parent;
      promise->ended = true;
    }
    return promise->parent != nullptr ? promise->parent->self : std::noop_coroutine();
  }

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> handle) noexcept {
      return handle.promise().complete();
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }

 protected:
  ~PromiseBase() = default;
};

template <class T>
struct TaskAwaiter {
  Task<T> task;
  PromiseBase* parent;
  bool propagates;

  bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept;
  T await_resume();
  Result<T> take() { return std::move(task.handle_.promise().result); }
};

template <class T>
struct AttemptAwaiter {
  TaskAwaiter<T> inner;

  bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) noexcept { return inner.await_suspend(h); }
  Result<T> await_resume();
};

template <class T>
struct ResultAwaiter {
  Result<T> result;
  PromiseBase* promise;

  bool await_ready() noexcept { return result.has_value(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
    promise->fail_with(result.error());
    return promise->complete();
  }
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }
};

template <class T>
struct PromiseCommon : PromiseBase {
  Result<T> result = fail(Errno::io);

  bool failed(Errno& error) const noexcept override {
    if (result.has_value()) return false;
    error = result.error();
    return true;
  }
  void fail_with(Errno error) noexcept override { result = fail(error); }

  template <class U>
  TaskAwaiter<U> await_transform(Task<U> task) {
    return {std::move(task), this, true};
  }
  template <class U>
  AttemptAwaiter<U> await_transform(Attempt<U> awaited) {
    return {{std::move(awaited.task), this, false}};
  }
  template <class U>
  ResultAwaiter<U> await_transform(Result<U> awaited) {
    return {std::move(awaited), this};
  }
  // Anything else awaits as it does elsewhere: events, timers, other people's awaitables.
  template <class A>
    requires requires(A awaitable) { awaitable.await_ready(); }
  A&& await_transform(A&& awaitable) {
    return std::forward<A>(awaitable);
  }

 protected:
  ~PromiseCommon() = default;
};

template <class T>
struct Promise final : PromiseCommon<T> {
  Task<T> get_return_object();
  template <class U = T>
    requires(std::constructible_from<Result<T>, U &&> && !std::same_as<std::remove_cvref_t<U>, Errno>)
  void return_value(U&& value) {
    this->result = Result<T>(std::forward<U>(value));
  }
  template <std::same_as<Errno> E>  // a template, so that `co_return {}` is a value and not Errno{}
  void return_value(E error) {
    this->result = fail(error);
  }
};

template <>
struct Promise<void> final : PromiseCommon<void> {
  Task<void> get_return_object();
  void return_value(Result<void> value) { result = value; }
  template <std::same_as<Errno> E>  // a template, so that `co_return {}` is success and not Errno{}
  void return_value(E error) {
    result = fail(error);
  }
};

}  // namespace detail

// Result: see the head of this file.  A Task that is dropped before it ends destroys its frame and what hangs below it.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // Runs a task that never waits for another thread, from code that is no coroutine (tests, start-up).  A task that is
  // still waiting when it first gives up the thread is abandoned and gives EAGAIN.
  Result<T> run() && {
    handle_.resume();
    if (!handle_.promise().ended) return fail(Errno::again);
    return std::move(handle_.promise().result);
  }

 private:
  friend detail::TaskAwaiter<T>;

  std::coroutine_handle<promise_type> handle_;
};

template <class T>
[[nodiscard]] Attempt<T> attempt(Task<T> task) {
  return {std::move(task)};
}

// Runs a task and blocks the calling thread until it has ended, on whichever thread: for threads of one's own
// (Background in mount.h).  In a handler, await it instead.
template <class T>
Result<T> wait_for(Task<T> task);

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object() {
  auto handle = std::coroutine_handle<Promise>::from_promise(*this);
  this->self = handle;
  return Task<T>(handle);
}

inline Task<void> Promise<void>::get_return_object() {
  auto handle = std::coroutine_handle<Promise>::from_promise(*this);
  self = handle;
  return Task<void>(handle);
}

template <class T>
std::coroutine_handle<> TaskAwaiter<T>::await_suspend(std::coroutine_handle<>) noexcept {
  auto& promise = task.handle_.promise();
  promise.parent = parent;
  promise.propagates = propagates;
  return task.handle_;
}

template <class T>
T TaskAwaiter<T>::await_resume() {
  if constexpr (!std::is_void_v<T>) return *std::move(task.handle_.promise().result);
}

template <class T>
Result<T> AttemptAwaiter<T>::await_resume() {
  return inner.take();
}

// What a blocked thread and the task that it waits for share.
template <class T>
struct Waiting {
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<Result<T>> result;
};

// A coroutine that nobody awaits: it ends by itself.
struct Unawaited {
  struct promise_type final : PromiseCommon<void> {
    Unawaited get_return_object() {
      self = std::coroutine_handle<promise_type>::from_promise(*this);
      return {};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
  };
};

template <class T>
Unawaited run_for(std::shared_ptr<Waiting<T>> waiting, Task<T> task) {
  Result<T> result = co_await attempt(std::move(task));
  const std::lock_guard lock(waiting->mutex);
  waiting->result.emplace(std::move(result));
  waiting->ended.notify_one();
}

}  // namespace detail

template <class T>
Result<T> wait_for(Task<T> task) {
  auto waiting = std::make_shared<detail::Waiting<T>>();
  detail::run_for(waiting, std::move(task));
  std::unique_lock lock(waiting->mutex);
  waiting->ended.wait(lock, [&] { return waiting->result.has_value(); });
  return *std::move(waiting->result);
}

}  // namespace fusebox
#pragma GCC visibility pop
