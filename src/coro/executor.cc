#include "fusebox/executor.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

namespace fusebox {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostWorkers = 512;

// A signal that comes before the system call it should interrupt is lost, so it is sent until the work has ended.
constexpr std::chrono::milliseconds kSignalEvery{5};

// Ignored by default, and meant for nothing that a server does (go's runtime uses it in the same way).
constexpr int kWakingSignal = SIGURG;

void do_nothing(int) {}

Clock::time_point from_now(std::chrono::nanoseconds duration) {
  const Clock::time_point now = Clock::now();
  return duration < Clock::time_point::max() - now ? now + duration : Clock::time_point::max();
}

void prepare_waking_signal() {
  struct sigaction present{};
  if (::sigaction(kWakingSignal, nullptr, &present) != 0) return;
  if (present.sa_handler != SIG_DFL && present.sa_handler != SIG_IGN) return;
  struct sigaction action{};
  action.sa_handler = do_nothing;  // without SA_RESTART
  ::sigaction(kWakingSignal, &action, nullptr);
}

}  // namespace

struct Executor::Impl {
  using Timers = std::multimap<Clock::time_point, Timer*>;

  ~Impl();
  void add(Timer& timer);
  void cancel(Timer& timer);
  void forget(Timer& timer);
  bool add(Job& job);
  void cancel(Job& job);
  void forget(Job& job);
  void start_worker();
  void keep_time();
  void work();
  void interrupt_running();
  std::coroutine_handle<> take_due();

  std::mutex mutex;  // guards all below
  std::condition_variable time_changed;
  std::condition_variable work_came;
  std::condition_variable work_ended;  // whose task was dropped
  Timers timers;
  std::deque<Job*> queue;
  std::deque<Job*> dropped;                         // out of the queue
  std::unordered_map<Job*, pthread_t> running;      // by what runs
  std::unordered_map<Job*, pthread_t> interrupted;  // of these, whose callers gave up
  std::size_t idle = 0;
  bool ended = false;
  std::thread timekeeper;
  std::vector<std::thread> workers;
};

// One sleep; lives in the frame that awaits it.
class Executor::Timer {
 public:
  Timer(Impl& impl, Clock::time_point due, std::stop_token cancelled)
      : impl_(impl), due_(due), cancelled_(std::move(cancelled)) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { impl_.forget(*this); }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    coroutine_ = coroutine;
    // Before the timer can end: afterwards this object may be gone.
    if (cancelled_.stop_possible()) on_stop_.emplace(cancelled_, Stop{*this});
    impl_.add(*this);
  }
  bool await_resume() const noexcept { return !was_cancelled_; }

 private:
  friend Impl;
  struct Stop {
    Timer& timer;
    void operator()() const { timer.impl_.cancel(timer); }
  };

  Impl& impl_;
  Clock::time_point due_;
  std::stop_token cancelled_;
  std::coroutine_handle<> coroutine_;
  bool was_cancelled_ = false;
  std::optional<Impl::Timers::iterator> place_;  // in Impl::timers
  std::optional<std::stop_callback<Stop>> on_stop_;
};

Executor::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex);
    ended = true;
  }
  time_changed.notify_all();
  work_came.notify_all();
  if (timekeeper.joinable()) timekeeper.join();
  for (std::thread& worker : workers) worker.join();
}

void Executor::Impl::add(Timer& timer) {
  const std::lock_guard lock(mutex);
  if (!timekeeper.joinable()) timekeeper = std::thread([this] { keep_time(); });
  timer.place_ = timers.emplace(timer.was_cancelled_ ? Clock::time_point() : timer.due_, &timer);
  if (*timer.place_ == timers.begin()) time_changed.notify_one();
}

void Executor::Impl::cancel(Timer& timer) {
  const std::lock_guard lock(mutex);
  if (timer.was_cancelled_) return;
  if (timer.place_) {
    if (timer.coroutine_ == nullptr) return;  // it is ending by itself
    timers.erase(*timer.place_);
    timer.place_ = timers.emplace(Clock::time_point(), &timer);
    time_changed.notify_one();
  }
  timer.was_cancelled_ = true;
}

// A task that is dropped while it waits.
void Executor::Impl::forget(Timer& timer) {
  timer.on_stop_.reset();
  const std::lock_guard lock(mutex);
  if (timer.place_ && timer.coroutine_ != nullptr) timers.erase(*timer.place_);
}

void Executor::Impl::start_worker() {
  if (workers.empty()) prepare_waking_signal();
  try {
    workers.emplace_back([this] { work(); });
    // NOLINTNEXTLINE(bugprone-empty-catch): no thread to be had, so those that are there have more to do
  } catch (const std::system_error&) {
  }
}

// False: no thread can do it; the caller does.
bool Executor::Impl::add(Job& job) {
  const std::lock_guard lock(mutex);
  if (job.cancelled_.stop_requested()) {
    dropped.push_back(&job);
    if (!timekeeper.joinable()) timekeeper = std::thread([this] { keep_time(); });
    time_changed.notify_one();
    return true;
  }
  if (idle <= queue.size() && workers.size() < kMostWorkers) start_worker();
  if (workers.empty()) return false;
  queue.push_back(&job);
  work_came.notify_one();
  return true;
}

// A task that has ended, or is dropped while it waits.
void Executor::Impl::forget(Job& job) {
  job.on_stop_.reset();
  std::unique_lock lock(mutex);
  if (job.coroutine_ == nullptr) return;  // it has ended
  job.coroutine_ = nullptr;
  std::erase(queue, &job);
  std::erase(dropped, &job);
  for (auto found = running.find(&job); found != running.end(); found = running.find(&job)) {
    ::pthread_kill(found->second, kWakingSignal);
    work_ended.wait_for(lock, kSignalEvery);
  }
}

void Executor::Impl::cancel(Job& job) {
  const std::lock_guard lock(mutex);
  if (std::erase(queue, &job) > 0) {
    dropped.push_back(&job);
  } else if (const auto found = running.find(&job); found != running.end()) {
    interrupted.insert(*found);
  } else {
    return;  // it has ended, or not begun: add() sees that it is cancelled
  }
  if (!timekeeper.joinable()) timekeeper = std::thread([this] { keep_time(); });
  time_changed.notify_one();
}

void Executor::Impl::interrupt_running() {
  for (const auto& [job, thread] : interrupted) ::pthread_kill(thread, kWakingSignal);
}

// Whose time has come, or null; one at a time, for it may drop the tasks of others.
std::coroutine_handle<> Executor::Impl::take_due() {
  if (!dropped.empty()) {
    Job* const job = dropped.front();
    dropped.pop_front();
    return std::exchange(job->coroutine_, nullptr);
  }
  if (timers.empty() || timers.begin()->first > Clock::now()) return nullptr;
  Timer* const timer = timers.begin()->second;
  timers.erase(timers.begin());
  return std::exchange(timer->coroutine_, nullptr);
}

void Executor::Impl::keep_time() {
  std::unique_lock lock(mutex);
  while (!ended) {
    interrupt_running();
    if (const std::coroutine_handle<> due = take_due()) {
      lock.unlock();
      due.resume();
      lock.lock();
      continue;
    }
    Clock::time_point next = timers.empty() ? Clock::time_point::max() : timers.begin()->first;
    if (!interrupted.empty()) next = std::min(next, Clock::now() + kSignalEvery);
    if (next == Clock::time_point::max()) {
      time_changed.wait(lock);
    } else {
      time_changed.wait_until(lock, next);
    }
  }
}

void Executor::Impl::work() {
  sigset_t waking;
  ::sigemptyset(&waking);
  ::sigaddset(&waking, kWakingSignal);
  ::pthread_sigmask(SIG_UNBLOCK, &waking, nullptr);
  std::unique_lock lock(mutex);
  for (;;) {
    ++idle;
    work_came.wait(lock, [this] { return ended || !queue.empty(); });
    --idle;
    if (ended) return;
    Job* const job = queue.front();
    queue.pop_front();
    running.emplace(job, ::pthread_self());
    lock.unlock();
    job->run_(job->work_);
    lock.lock();
    running.erase(job);
    interrupted.erase(job);
    const std::coroutine_handle<> coroutine = std::exchange(job->coroutine_, nullptr);
    if (coroutine == nullptr) {
      work_ended.notify_all();
      continue;
    }
    job->done_ = true;
    lock.unlock();
    coroutine.resume();
    lock.lock();
  }
}

Executor::Executor() : impl_(std::make_unique<Impl>()) {}
Executor::~Executor() = default;

Executor::Job::Job(Executor& executor, void (*run)(void*), void* work, std::stop_token cancelled)
    : impl_(*executor.impl_), run_(run), work_(work), cancelled_(std::move(cancelled)) {}

Executor::Job::~Job() { impl_.forget(*this); }

bool Executor::Job::await_suspend(std::coroutine_handle<> coroutine) {
  coroutine_ = coroutine;
  if (cancelled_.stop_possible()) on_stop_.emplace(cancelled_, Stop{*this});
  if (impl_.add(*this)) return true;
  coroutine_ = nullptr;
  run_(work_);
  done_ = true;
  return false;
}

void Executor::Job::Stop::operator()() const { job.impl_.cancel(job); }

Task<> Executor::sleep_for(std::chrono::nanoseconds duration, std::stop_token cancelled) {
  Timer timer(*impl_, from_now(duration), std::move(cancelled));
  if (!co_await timer) co_return Errno::interrupted;
  co_return {};
}

Task<std::size_t> Executor::read(int fd, std::uint64_t offset, std::span<std::byte> into, std::stop_token cancelled) {
  const auto all = [=]() -> Result<std::size_t> {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t count = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (count < 0) return fail_with_errno();
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  };
  co_return co_await blocking(all, std::move(cancelled));
}

Task<std::size_t> Executor::write(int fd, std::uint64_t offset, std::span<const std::byte> data,
                                  std::stop_token cancelled) {
  const auto all = [=]() -> Result<std::size_t> {
    std::size_t done = 0;
    while (done < data.size()) {
      const ssize_t count = ::pwrite(fd, data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
      if (count < 0 && done > 0) break;
      if (count < 0) return fail_with_errno();
      done += static_cast<std::size_t>(count);
    }
    return done;
  };
  co_return co_await blocking(all, std::move(cancelled));
}

}  // namespace fusebox
