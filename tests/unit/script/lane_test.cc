#include "script/lane.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "fusebox/task.h"

namespace fusebox::script {
namespace {

using namespace std::chrono_literals;

class Work final : public Lane::Call {
 public:
  explicit Work(std::function<void()> work) : work_(std::move(work)) {}
  void run() override { work_(); }
  std::string name() const override { return "work"; }

 private:
  const std::function<void()> work_;
};

Task<> pass(Lane& lane, std::function<void()> work) {
  const auto call = std::make_shared<Work>(std::move(work));
  co_await co_await lane.pass(call);
  co_return {};
}

TEST(Lane, RunsOneAtATimeAndEachOfThem) {
  Lane lane(10s, [](const std::string&) {});
  int count = 0;  // guarded by the lane
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 2000; ++j) EXPECT_TRUE(wait_for(pass(lane, [&count] { ++count; })));
    });
  }
  threads.clear();
  EXPECT_EQ(count, 16000);
}

TEST(Lane, WhoDoesNotReturnCostsAllOthersTheLimitOnly) {
  std::atomic<int> told = 0;
  Lane lane(50ms, [&told](const std::string&) { ++told; });
  std::latch begun(1);
  std::latch release(1);
  std::jthread stuck([&] {
    EXPECT_EQ(wait_for(pass(lane,
                            [&] {
                              begun.count_down();
                              release.wait();
                            }))
                  .error(),
              Errno::timed_out);
  });
  begun.wait();
  EXPECT_EQ(wait_for(pass(lane, [] { FAIL() << "behind"; })).error(), Errno::timed_out);
  EXPECT_EQ(wait_for(pass(lane, [] { FAIL() << "later"; })).error(), Errno::timed_out);
  EXPECT_FALSE(told == 0);
  release.count_down();
  stuck.join();
  while (!wait_for(pass(lane, [] {}))) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(told, 2);
}

TEST(Lane, ClosedItLetsNobodyInAndSaysWhetherItIsEmpty) {
  Lane lane(10s, [](const std::string&) {});
  EXPECT_TRUE(lane.close(1s));
  EXPECT_EQ(wait_for(pass(lane, [] {})).error(), Errno::timed_out);
}

}  // namespace
}  // namespace fusebox::script
