#include "fusebox/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/event.h"

namespace fusebox {
namespace {

using Log = std::vector<std::string>;

// Writes to a log when it dies.
class Witness {
 public:
  Witness(Log& log, std::string name) : log_(log), name_(std::move(name)) {}
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { log_.push_back(name_); }

 private:
  Log& log_;
  std::string name_;
};

Task<int> give(int value) { co_return value; }
Task<int> refuse(Errno error) { co_return error; }
Task<int> twice(Task<int> task) { co_return 2 * co_await std::move(task); }

TEST(Task, EndsWithItsValue) { EXPECT_EQ(give(42).run(), 42); }

TEST(Task, EndsWithAnError) { EXPECT_EQ(refuse(Errno::access).run(), fail(Errno::access)); }

TEST(Task, WithoutAValueSucceedsOrFails) {
  const auto check = [](bool good) -> Task<> {
    if (!good) co_return Errno::io;
    co_return {};
  };
  EXPECT_TRUE(check(true).run());
  EXPECT_EQ(check(false).run(), fail(Errno::io));
}

TEST(Task, ThatReturnsAnEmptyBraceSucceeds) {
  const auto text = []() -> Task<std::string> { co_return {}; };
  EXPECT_EQ(text().run(), "");
  const auto nothing = []() -> Task<> { co_return {}; };
  EXPECT_TRUE(nothing().run());
}

TEST(Task, DoesNothingBeforeItIsAwaited) {
  bool ran = false;
  {
    const auto start = [](bool& flag) -> Task<> {
      flag = true;
      co_return {};
    };
    const Task<> task = start(ran);
  }
  EXPECT_FALSE(ran);
}

TEST(Task, AwaitingGivesTheValue) { EXPECT_EQ(twice(give(21)).run(), 42); }

TEST(Task, AnErrorEndsEveryTaskThatAwaitsIt) {
  EXPECT_EQ(twice(twice(twice(refuse(Errno::stale)))).run(), fail(Errno::stale));
}

TEST(Task, NothingRunsBehindTheAwaitThatFailed) {
  bool went_on = false;
  const auto outer = [](bool& flag) -> Task<> {
    co_await refuse(Errno::io);
    flag = true;
    co_return {};
  };
  EXPECT_EQ(outer(went_on).run(), fail(Errno::io));
  EXPECT_FALSE(went_on);
}

TEST(Task, AwaitsResultsAsItAwaitsTasks) {
  const auto unwrap = [](Result<std::string> result) -> Task<std::size_t> {
    const std::string text = co_await std::move(result);
    co_return text.size();
  };
  EXPECT_EQ(unwrap("four").run(), 4u);
  EXPECT_EQ(unwrap(fail(Errno::no_entry)).run(), fail(Errno::no_entry));
}

TEST(Task, AttemptShowsTheErrorInsteadOfPassingItOn) {
  const auto recover = [](Errno error) -> Task<int> {
    const Result<int> result = co_await attempt(twice(refuse(error)));
    if (!result && result.error() == Errno::no_entry) co_return -1;
    co_return co_await Result<int>(result);
  };
  EXPECT_EQ(recover(Errno::no_entry).run(), -1);
  EXPECT_EQ(recover(Errno::io).run(), fail(Errno::io));
}

TEST(Task, AttemptGivesTheValueWhereThereIsOne) {
  const auto outer = []() -> Task<int> {
    const Result<int> result = co_await attempt(give(3));
    co_return result.value_or(0) + 1;
  };
  EXPECT_EQ(outer().run(), 4);
}

TEST(Task, CarriesValuesThatOnlyMove) {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  const auto pass = [](Task<std::unique_ptr<int>> task) -> Task<std::unique_ptr<int>> {
    std::unique_ptr<int> value = co_await std::move(task);
    ++*value;
    co_return value;
  };
  Result<std::unique_ptr<int>> result = pass(make()).run();
  ASSERT_TRUE(result);
  EXPECT_EQ(**result, 8);
}

TEST(Task, LocalsOfFailedTasksDieInnermostFirst) {
  Log log;
  const auto inner = [](Log& out) -> Task<int> {
    const Witness first(out, "inner first");
    const Witness second(out, "inner second");
    co_return co_await refuse(Errno::io);
  };
  const auto middle = [&inner](Log& out) -> Task<int> {  // NOLINT(cppcoreguidelines-avoid-capturing-lambda-coroutines)
    const Witness witness(out, "middle");
    co_return co_await inner(out);
  };
  const auto outer = [&middle](Log& out) -> Task<> {  // NOLINT(cppcoreguidelines-avoid-capturing-lambda-coroutines)
    const Result<int> result = co_await attempt(middle(out));
    out.emplace_back(result ? "no error" : "error seen");
    co_return {};
  };
  EXPECT_TRUE(outer(log).run());
  EXPECT_EQ(log, (Log{"inner second", "inner first", "middle", "error seen"}));
}

TEST(Task, LocalsDieBeforeTheAwaitingTaskGoesOn) {
  Log log;
  const auto inner = [](Log& out) -> Task<int> {
    const Witness witness(out, "local");
    co_return 1;
  };
  const auto outer = [&inner](Log& out) -> Task<> {  // NOLINT(cppcoreguidelines-avoid-capturing-lambda-coroutines)
    co_await inner(out);
    out.emplace_back("went on");
    co_return {};
  };
  EXPECT_TRUE(outer(log).run());
  EXPECT_EQ(log, (Log{"local", "went on"}));
}

TEST(Task, ParametersLiveAsLongAsTheTask) {
  const auto length = [](std::string text) -> Task<std::size_t> {
    co_await give(0);
    co_return text.size();
  };
  Task<std::size_t> task = length(std::string(100, 'x'));
  EXPECT_EQ(std::move(task).run(), 100u);
}

TEST(Task, AHundredThousandAwaitsInARowUseNoStack) {
  const auto sum = [](int count) -> Task<std::int64_t> {
    std::int64_t total = 0;
    for (int i = 0; i < count; ++i) total += co_await give(i);
    co_return total;
  };
  EXPECT_EQ(sum(100'000).run(), 4'999'950'000);
}

Task<int> deep(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await deep(depth - 1);
}

Task<int> deep_failure(int depth) {
  if (depth == 0) co_return Errno::io;
  co_return 1 + co_await deep_failure(depth - 1);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define FUSEBOX_NO_TAIL_CALLS  // the sanitizers' instrumentation keeps a stack frame for each transfer
#endif
#endif

TEST(Task, AHundredThousandAwaitsInsideEachOtherUseNoStack) {
#if defined(FUSEBOX_NO_TAIL_CALLS)
  constexpr int kDepth = 1'000;
#else
  constexpr int kDepth = 100'000;
#endif
  EXPECT_EQ(deep(kDepth).run(), kDepth);
}

TEST(Task, AnErrorWalksUpAHundredThousandTasks) {
#if defined(FUSEBOX_NO_TAIL_CALLS)
  constexpr int kDepth = 1'000;
#else
  constexpr int kDepth = 100'000;
#endif
  EXPECT_EQ(deep_failure(kDepth).run(), fail(Errno::io));
}

Task<> wait_for(testing::Event& event, int& stage) {
  stage = 1;
  co_await event.wait();
  stage = 2;
  co_return {};
}

Task<> wait_below(testing::Event& event, int& stage) {
  co_await wait_for(event, stage);
  stage = 3;
  co_return {};
}

TEST(Task, ThatStillWaitsIsAbandonedByRun) {
  testing::Event event;
  int stage = 0;
  EXPECT_EQ(wait_below(event, stage).run(), fail(Errno::again));
  EXPECT_EQ(stage, 1);
  EXPECT_EQ(event.waiting(), 0u);
  event.set();
  EXPECT_EQ(stage, 1);
}

// Runs a task to its end on whatever threads it visits, and tells when.
struct Detached {
  struct promise_type final : detail::PromiseCommon<void> {
    Detached get_return_object() {
      self = std::coroutine_handle<promise_type>::from_promise(*this);
      return {};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
  };
};

Detached run_detached(Task<> task, Result<>& result) { result = co_await attempt(std::move(task)); }

TEST(Task, GoesOnWhereTheEventIsSet) {
  testing::Event event;
  int stage = 0;
  Result<> result = fail(Errno::again);
  run_detached(wait_below(event, stage), result);
  EXPECT_EQ(stage, 1);
  EXPECT_EQ(event.waiting(), 1u);
  std::jthread([&event] { event.set(); }).join();
  EXPECT_EQ(stage, 3);
  EXPECT_TRUE(result);
}

Task<> fail_after(testing::Event& event) {
  co_await event.wait();
  co_return Errno::timed_out;
}

Task<> pass_on(testing::Event& event) {
  co_await fail_after(event);
  co_return {};
}

TEST(Task, AnErrorWalksUpAfterAWaitToo) {
  testing::Event event;
  Result<> result;
  run_detached(pass_on(event), result);
  std::jthread([&event] { event.set(); }).join();
  EXPECT_EQ(result, fail(Errno::timed_out));
}

TEST(Task, DroppedWhileItWaitsDestroysWhatHangsBelowIt) {
  Log log;
  testing::Event event;
  const auto inner = [](testing::Event& what, Log& out) -> Task<> {
    const Witness witness(out, "inner");
    co_await what.wait();
    co_return {};
  };
  const auto outer = [&inner](testing::Event& what,  // NOLINT(cppcoreguidelines-avoid-capturing-lambda-coroutines)
                              Log& out) -> Task<> {
    const Witness witness(out, "outer");
    co_await inner(what, out);
    co_return {};
  };
  EXPECT_EQ(outer(event, log).run(), fail(Errno::again));
  EXPECT_EQ(log, (Log{"inner", "outer"}));
  EXPECT_EQ(event.waiting(), 0u);
}

TEST(Task, MovesWithItsFrame) {
  Task<int> task = give(1);
  Task<int> other = give(2);
  task = std::move(other);
  EXPECT_EQ(std::move(task).run(), 2);
}

}  // namespace
}  // namespace fusebox
