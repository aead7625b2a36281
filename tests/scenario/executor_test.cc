// Handlers that wait on the executor: many of them on one thread, and none longer than its caller.
#include "fusebox/executor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <latch>
#include <vector>

#include "fusebox/fd.h"
#include "support/fake_kernel.h"

namespace fusebox::testing {
namespace {

using namespace std::chrono_literals;
using wire::Opcode;
using Clock = std::chrono::steady_clock;

constexpr auto kForever = 24h;

RequestBytes getattr_of(std::uint64_t node) { return RequestBytes(Opcode::getattr, node).put(wire::GetattrIn{}); }

struct Sleeper final : Node {
  explicit Sleeper(std::chrono::nanoseconds duration) : duration_(duration) {}
  Task<Attr> getattr(const Request& request, Ref<Handle>) override {
    co_await sleep_for(request, duration_);
    co_return Attr::directory(0700);
  }
  Task<struct statvfs> statfs(const Request&) override { co_return {}; }

  const std::chrono::nanoseconds duration_;
};

TEST(WaitingOnTheExecutor, ASleepIsCancelledByAnInterrupt) {
  FakeKernel kernel(make<Sleeper>(kForever));
  const std::uint64_t request = kernel.send(getattr_of(kRoot));
  const std::uint64_t other = kernel.send(getattr_of(kRoot));
  kernel.interrupt(request);
  EXPECT_EQ(kernel.wait(request), fail(Errno::interrupted));
  EXPECT_FALSE(kernel.answered(other));
}

TEST(WaitingOnTheExecutor, AnInterruptThatComesFirstCancelsToo) {
  FakeKernel kernel(make<Sleeper>(kForever));
  kernel.interrupt(2);  // the number of the first request
  EXPECT_EQ(kernel.wait(kernel.send(getattr_of(kRoot))), fail(Errno::interrupted));
}

TEST(WaitingOnTheExecutor, TwoHundredSleepsOnOneThreadTakeAboutAsLongAsOne) {
  FakeKernel kernel(make<Sleeper>(100ms));
  kernel.start_servers(1);
  const auto start = Clock::now();
  std::vector<std::uint64_t> requests;
  for (int i = 0; i < 200; ++i) requests.push_back(kernel.send(getattr_of(kRoot)));
  EXPECT_TRUE(kernel.statfs());
  for (const std::uint64_t request : requests) EXPECT_TRUE(kernel.wait(request));
  EXPECT_GE(Clock::now() - start, 100ms);
  EXPECT_LT(Clock::now() - start, 5s);  // one after the other they would take twenty
}

TEST(WaitingOnTheExecutor, SleepsEndWithTheSession) {
  FakeKernel kernel(make<Sleeper>(kForever));
  for (int i = 0; i < 50; ++i) kernel.send(getattr_of(kRoot));
  kernel.end_session();
}

TEST(WaitingOnTheExecutor, InterruptsRaceWithTheEndsOfSleeps) {
  FakeKernel kernel(make<Sleeper>(1ms));
  kernel.start_servers(2);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint64_t> requests;
    for (int i = 0; i < 8; ++i) requests.push_back(kernel.send(getattr_of(kRoot)));
    std::this_thread::sleep_for(std::chrono::microseconds(round * 40));
    for (const std::uint64_t request : requests) kernel.interrupt(request);
    for (const std::uint64_t request : requests) {
      const auto reply = kernel.wait(request);
      EXPECT_TRUE(reply || reply.error() == Errno::interrupted);
    }
  }
}

// Reads from a pipe that nobody writes to.
class BlockedReader final : public Node {
 public:
  BlockedReader() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    out_ = Fd(ends[0]);
    in_ = Fd(ends[1]);
  }

  Task<Attr> getattr(const Request& request, Ref<Handle>) override {
    const auto read = [this]() -> Result<std::uint64_t> {
      ++begun;
      char byte = 0;
      if (::read(out_.get(), &byte, 1) < 0) return fail_with_errno();
      return static_cast<std::uint64_t>(byte);
    };
    co_return Attr::file(0600, co_await blocking(request, read));
  }
  Task<struct statvfs> statfs(const Request&) override { co_return {}; }
  void feed(char byte) { EXPECT_EQ(::write(in_.get(), &byte, 1), 1); }

  std::atomic<int> begun{0};

 private:
  Fd out_;
  Fd in_;
};

TEST(WaitingOnTheExecutor, ABlockedSystemCallIsInterruptedWithItsRequest) {
  const auto node = make<BlockedReader>();
  FakeKernel kernel(node);
  const std::uint64_t request = kernel.send(getattr_of(kRoot));
  while (node->begun == 0) std::this_thread::yield();
  EXPECT_TRUE(kernel.statfs());
  kernel.interrupt(request);
  EXPECT_EQ(kernel.wait(request), fail(Errno::interrupted));
}

TEST(WaitingOnTheExecutor, WorkThatBlocksHoldsUpNobody) {
  const auto node = make<BlockedReader>();
  FakeKernel kernel(node);
  kernel.start_servers(1);
  std::vector<std::uint64_t> requests;
  for (int i = 0; i < 20; ++i) requests.push_back(kernel.send(getattr_of(kRoot)));
  EXPECT_TRUE(kernel.statfs());
  for (int i = 0; i < 20; ++i) node->feed('x');
  for (const std::uint64_t request : requests) EXPECT_TRUE(kernel.wait(request));
}

TEST(WaitingOnTheExecutor, WorkThatBlocksEndsWithTheSession) {
  const auto node = make<BlockedReader>();
  FakeKernel kernel(node);
  for (int i = 0; i < 10; ++i) kernel.send(getattr_of(kRoot));
  kernel.end_session();
}

}  // namespace
}  // namespace fusebox::testing
