#include "fusebox/executor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fusebox/fd.h"
#include "support/running.h"

namespace fusebox {
namespace {

using namespace std::chrono_literals;
using testing::Running;
using Clock = std::chrono::steady_clock;

constexpr auto kForever = 24h;  // no test waits for it

std::chrono::nanoseconds since(Clock::time_point start) { return Clock::now() - start; }

// Names in the order in which they were written.
class Log {
 public:
  void write(std::string name) {
    const std::lock_guard lock(mutex_);
    names_.push_back(std::move(name));
  }
  std::vector<std::string> names() const {
    const std::lock_guard lock(mutex_);
    return names_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> names_;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    out = Fd(ends[0]);
    in = Fd(ends[1]);
  }
  Fd out;
  Fd in;
};

Result<std::size_t> read_from(int fd) {
  std::array<char, 16> buffer{};
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count < 0) return fail_with_errno();
  return static_cast<std::size_t>(count);
}

// ---------------------------------------------------------------------------------------------- sleeping

Task<> sleep_and_write(Executor& executor, std::chrono::nanoseconds duration, Log& log, std::string name) {
  co_await executor.sleep_for(duration);
  log.write(std::move(name));
  co_return {};
}

TEST(Executor, ASleepLastsAsLongAsItShould) {
  Executor executor;
  const auto start = Clock::now();
  EXPECT_TRUE(Running(executor.sleep_for(20ms)).wait());
  EXPECT_GE(since(start), 20ms);
  EXPECT_TRUE(Running(executor.sleep_for(0ns)).wait());
  EXPECT_TRUE(Running(executor.sleep_for(-1h)).wait());
}

TEST(Executor, SleepsEndInTheOrderOfTheirDeadlines) {
  Log log;
  Executor executor;
  const Running late(sleep_and_write(executor, 90ms, log, "late"));
  const Running early(sleep_and_write(executor, 10ms, log, "early"));
  const Running middle(sleep_and_write(executor, 50ms, log, "middle"));
  EXPECT_TRUE(late.wait());
  EXPECT_EQ(log.names(), (std::vector<std::string>{"early", "middle", "late"}));
}

TEST(Executor, AThousandSleepsTakeNoLongerThanOne) {
  Executor executor;
  const auto start = Clock::now();
  std::vector<Running<>> sleeps;
  for (int i = 0; i < 1'000; ++i) sleeps.emplace_back(executor.sleep_for(100ms));
  for (const Running<>& sleep : sleeps) EXPECT_TRUE(sleep.wait());
  EXPECT_LT(since(start), 10s);  // one after the other they would take a hundred
}

TEST(Executor, ASleepThatIsCancelledBeforehandDoesNotSleep) {
  Executor executor;
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(Running(executor.sleep_for(kForever, source.get_token())).wait(), fail(Errno::interrupted));
}

TEST(Executor, ASleepIsCancelledWhileItSleeps) {
  Executor executor;
  std::stop_source source;
  const Running other(executor.sleep_for(50ms));
  const Running sleep(executor.sleep_for(kForever, source.get_token()));
  EXPECT_FALSE(sleep.ended());
  source.request_stop();
  EXPECT_EQ(sleep.wait(), fail(Errno::interrupted));
  EXPECT_TRUE(other.wait());
}

TEST(Executor, ASleepThatHasEndedCannotBeCancelled) {
  Executor executor;
  std::stop_source source;
  const Running sleep(executor.sleep_for(1ms, source.get_token()));
  EXPECT_TRUE(sleep.wait());
  source.request_stop();
  EXPECT_TRUE(sleep.wait());
}

TEST(Executor, CancellationsRaceWithTheEndsOfSleeps) {
  Executor executor;
  for (int round = 0; round < 50; ++round) {
    std::stop_source source;
    std::vector<Running<>> sleeps;
    for (int i = 0; i < 20; ++i) sleeps.emplace_back(executor.sleep_for(i * 50us, source.get_token()));
    std::this_thread::sleep_for(500us);
    source.request_stop();
    for (const Running<>& sleep : sleeps) {
      const Result<> result = sleep.wait();
      EXPECT_TRUE(result || result.error() == Errno::interrupted);
    }
  }
}

TEST(Executor, TheLongestSleepIsNoShortOne) {
  Executor executor;
  std::stop_source source;
  const Running sleep(executor.sleep_for(std::chrono::nanoseconds::max(), source.get_token()));
  EXPECT_TRUE(Running(executor.sleep_for(20ms)).wait());
  EXPECT_FALSE(sleep.ended());
  source.request_stop();
  EXPECT_EQ(sleep.wait(), fail(Errno::interrupted));
}

// ---------------------------------------------------------------------------------------------- work that blocks

TEST(Executor, WorkGivesItsResultOrItsError) {
  Executor executor;
  EXPECT_EQ(Running(executor.blocking([] { return Result<int>(42); })).wait(), 42);
  EXPECT_EQ(Running(executor.blocking([]() -> Result<int> { return fail(Errno::no_entry); })).wait(),
            fail(Errno::no_entry));
  EXPECT_TRUE(Running(executor.blocking([] { return Result<>(); })).wait());
}

TEST(Executor, WorkThatOnlyMovesAndGivesWhatOnlyMovesIsWelcome) {
  Executor executor;
  auto seven = std::make_unique<int>(7);
  const auto sum = [](Executor& where, std::unique_ptr<int> number) -> Task<int> {
    auto work = [given = std::move(number)]() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(*given); };
    const std::unique_ptr<int> result = co_await where.blocking(std::move(work));
    co_return *result;
  };
  EXPECT_EQ(Running(sum(executor, std::move(seven))).wait(), 7);
}

TEST(Executor, WorkIsDoneOnAnotherThread) {
  Executor executor;
  const auto there = Running(executor.blocking([] { return Result<std::thread::id>(std::this_thread::get_id()); }));
  EXPECT_NE(there.wait(), std::this_thread::get_id());
}

TEST(Executor, WorkRunsConcurrently) {
  constexpr int kJobs = 64;
  std::latch all(kJobs);  // opens only when each of them has begun
  Executor executor;
  std::vector<Running<>> jobs;
  for (int i = 0; i < kJobs; ++i) {
    jobs.emplace_back(executor.blocking([&all]() -> Result<> {
      all.arrive_and_wait();
      return {};
    }));
  }
  for (const Running<>& job : jobs) EXPECT_TRUE(job.wait());
}

TEST(Executor, MoreWorkThanThreadsIsDoneInTheEnd) {
  constexpr int kJobs = 2'000;
  std::atomic<int> done{0};
  Executor executor;
  std::vector<Running<>> jobs;
  for (int i = 0; i < kJobs; ++i) {
    jobs.emplace_back(executor.blocking([&done]() -> Result<> {
      ++done;
      return {};
    }));
  }
  for (const Running<>& job : jobs) EXPECT_TRUE(job.wait());
  EXPECT_EQ(done, kJobs);
}

TEST(Executor, WorkThatIsCancelledBeforehandIsNotDone) {
  Executor executor;
  std::stop_source source;
  source.request_stop();
  std::atomic<bool> ran{false};
  const auto work = [&ran]() -> Result<> {
    ran = true;
    return {};
  };
  EXPECT_EQ(Running(executor.blocking(work, source.get_token())).wait(), fail(Errno::interrupted));
  EXPECT_FALSE(ran);
}

// As many pieces of work as there can be threads, all blocked until the latch opens.
std::vector<Running<>> occupy(Executor& executor, std::latch& open) {
  constexpr int kMostWorkers = 512;
  std::vector<Running<>> jobs;
  for (int i = 0; i < kMostWorkers; ++i) {
    jobs.emplace_back(executor.blocking([&open]() -> Result<> {
      open.wait();
      return {};
    }));
  }
  return jobs;
}

TEST(Executor, QueuedWorkIsDroppedWhenItIsCancelled) {
  std::latch open(1);
  std::atomic<int> ran{0};
  Executor executor;
  std::stop_source source;
  const std::vector<Running<>> occupants = occupy(executor, open);
  const auto work = [&ran]() -> Result<> {
    ++ran;
    return {};
  };
  const Running dropped(executor.blocking(work, source.get_token()));
  const Running kept(executor.blocking(work));
  source.request_stop();
  EXPECT_EQ(dropped.wait(), fail(Errno::interrupted));
  EXPECT_FALSE(kept.ended());
  open.count_down();
  EXPECT_TRUE(kept.wait());
  EXPECT_EQ(ran, 1);
  for (const Running<>& occupant : occupants) EXPECT_TRUE(occupant.wait());
}

TEST(Executor, ABlockedReadEndsWithEINTRWhenItIsCancelled) {
  Pipe pipe;
  Executor executor;
  std::stop_source source;
  std::latch begun(1);
  const Running read(executor.blocking(
      [&] {
        begun.count_down();
        return read_from(pipe.out.get());
      },
      source.get_token()));
  begun.wait();
  source.request_stop();
  EXPECT_EQ(read.wait(), fail(Errno::interrupted));
}

TEST(Executor, ABlockedLockEndsWithEINTRWhenItIsCancelled) {
  const Fd first(::memfd_create("lock", MFD_CLOEXEC));
  const Fd second(::open(("/proc/self/fd/" + std::to_string(first.get())).c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(second);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  ASSERT_EQ(::fcntl(first.get(), F_OFD_SETLK, &whole), 0);
  Executor executor;
  std::stop_source source;
  const Running locked(executor.blocking(
      [&]() -> Result<> {
        if (::fcntl(second.get(), F_OFD_SETLKW, &whole) != 0) return fail_with_errno();
        return {};
      },
      source.get_token()));
  std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(locked.ended());
  source.request_stop();
  EXPECT_EQ(locked.wait(), fail(Errno::interrupted));
}

TEST(Executor, ACancellationInterruptsNoOtherWork) {
  Pipe cancelled_pipe;
  Pipe pipe;
  Executor executor;
  std::stop_source source;
  const Running other(executor.blocking([&] { return read_from(pipe.out.get()); }));
  const Running cancelled(executor.blocking([&] { return read_from(cancelled_pipe.out.get()); }, source.get_token()));
  source.request_stop();
  EXPECT_EQ(cancelled.wait(), fail(Errno::interrupted));
  EXPECT_FALSE(other.ended());
  EXPECT_EQ(::write(pipe.in.get(), "abc", 3), 3);
  EXPECT_EQ(other.wait(), 3u);
}

TEST(Executor, WorkThatEndsDespiteItsCancellationCounts) {
  Executor executor;
  std::stop_source source;
  std::latch begun(1);
  std::latch open(1);
  const Running work(executor.blocking(
      [&]() -> Result<int> {
        begun.count_down();
        open.wait();
        return 5;
      },
      source.get_token()));
  begun.wait();
  source.request_stop();
  open.count_down();
  EXPECT_EQ(work.wait(), 5);
}

TEST(Executor, ReadsAndWritesAllBytes) {
  const Fd file(::memfd_create("file", MFD_CLOEXEC));
  Executor executor;
  const std::string text(100'000, 'x');
  EXPECT_EQ(Running(executor.write(file.get(), 5, std::as_bytes(std::span(text)))).wait(), text.size());
  std::string back(text.size() + 100, '\0');
  EXPECT_EQ(Running(executor.read(file.get(), 5, std::as_writable_bytes(std::span(back)))).wait(), text.size());
  EXPECT_EQ(back.substr(0, text.size()), text);
  EXPECT_EQ(Running(executor.read(-1, 0, std::as_writable_bytes(std::span(back)))).wait(), fail(Errno::bad_handle));
}

// ---------------------------------------------------------------------------------------------- ends

TEST(Executor, ADroppedSleepIsHarmless) {
  Executor executor;
  std::stop_source source;
  EXPECT_EQ(executor.sleep_for(5ms, source.get_token()).run(), fail(Errno::again));
  EXPECT_EQ(executor.sleep_for(kForever).run(), fail(Errno::again));
  source.request_stop();
  EXPECT_TRUE(Running(executor.sleep_for(20ms)).wait());
}

TEST(Executor, DroppedWorkThatIsQueuedIsHarmless) {
  std::latch open(1);
  std::atomic<int> ran{0};
  Executor executor;
  const std::vector<Running<>> occupants = occupy(executor, open);
  const auto work = [&ran]() -> Result<> {
    ++ran;
    return {};
  };
  EXPECT_EQ(executor.blocking(work).run(), fail(Errno::again));
  open.count_down();
  for (const Running<>& occupant : occupants) EXPECT_TRUE(occupant.wait());
  EXPECT_EQ(ran, 0);
}

// The destructor waits for it: what it refers to belongs to the task.
TEST(Executor, DroppedWorkThatRunsIsInterrupted) {
  Pipe pipe;
  Executor executor;
  std::latch begun(1);
  std::atomic<bool> interrupted{false};
  const auto work = [&] {
    begun.count_down();
    Result<std::size_t> result = read_from(pipe.out.get());
    interrupted = result == fail(Errno::interrupted);
    return result;
  };
  {
    Task<std::size_t> task = executor.blocking(work);
    EXPECT_EQ(std::move(task).run(), fail(Errno::again));
    begun.wait();
  }
  EXPECT_TRUE(interrupted);
}

Task<> hold_up(Executor& executor, std::latch& begun) {
  co_await executor.sleep_for(1ms);
  begun.count_down();
  std::this_thread::sleep_for(30ms);  // nothing else goes on meanwhile
  co_return {};
}

Task<> drop_after(Executor& executor, std::chrono::nanoseconds duration, std::vector<Task<>>& tasks) {
  co_await executor.sleep_for(duration);
  tasks.clear();
  co_return {};
}

TEST(Executor, DroppedWorkThatIsCancelledIsHarmless) {
  std::latch begun(1);
  Executor executor;
  std::stop_source source;
  source.request_stop();
  const Running holding(hold_up(executor, begun));
  begun.wait();
  EXPECT_EQ(executor.blocking([] { return Result<>(); }, source.get_token()).run(), fail(Errno::again));
  EXPECT_TRUE(holding.wait());
  EXPECT_TRUE(Running(executor.sleep_for(1ms)).wait());
}

TEST(Executor, ATaskMayDropOthersThatAreDueAtTheSameTime) {
  std::vector<Task<>> others;
  std::latch begun(1);
  Executor executor;
  const Running holding(hold_up(executor, begun));
  begun.wait();
  const Running dropping(drop_after(executor, 1ms, others));
  for (int i = 0; i < 10; ++i) {
    others.push_back(executor.sleep_for(2ms));
    EXPECT_EQ(std::move(others.back()).run(), fail(Errno::again));
  }
  EXPECT_TRUE(dropping.wait());
  EXPECT_TRUE(Running(executor.sleep_for(1ms)).wait());
}

TEST(Executor, EndsWhileItsThreadsAreIdle) {
  for (int round = 0; round < 20; ++round) {
    Executor executor;
    EXPECT_TRUE(Running(executor.blocking([] { return Result<>(); })).wait());
    EXPECT_TRUE(Running(executor.sleep_for(10us)).wait());
  }
  const Executor never_used;
}

}  // namespace
}  // namespace fusebox
