#include <gtest/gtest.h>

#include "door/dev_fuse.h"

namespace fusebox::door {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kLongest = 20us;

void arrive(SpinPolicy& policy, int times, std::chrono::nanoseconds waited, std::uint32_t tid) {
  for (int i = 0; i < times; ++i) policy.arrived(tid, waited.count());
}

TEST(SpinPolicy, NeverSpinsWhenItMayNot) {
  SpinPolicy policy(0ns);
  arrive(policy, 100, 0ns, 1);
  EXPECT_EQ(policy.nanoseconds(), 0);
}

TEST(SpinPolicy, SpinsForOneCallerThatComesBackSoon) {
  SpinPolicy policy(kLongest);
  arrive(policy, 100, 2us, 1);
  EXPECT_EQ(policy.nanoseconds(), kLongest.count());
}

TEST(SpinPolicy, SleepsWhereRequestsComeSeldom) {
  SpinPolicy policy(kLongest);
  arrive(policy, 100, 1ms, 1);
  EXPECT_EQ(policy.nanoseconds(), 0);
}

TEST(SpinPolicy, SpinsAgainSoonAfterALongPause) {
  SpinPolicy policy(kLongest);
  arrive(policy, 100, 1ms, 1);
  arrive(policy, 30, 1us, 1);
  EXPECT_EQ(policy.nanoseconds(), kLongest.count());
}

TEST(SpinPolicy, SleepsWhereTwoCallersTakeTurns) {
  SpinPolicy policy(kLongest);
  for (int i = 0; i < 100; ++i) arrive(policy, 1, 2us, i % 2 == 0 ? 1 : 2);
  EXPECT_EQ(policy.nanoseconds(), 0);
}

TEST(SpinPolicy, AProgramThatStartsOthersOneByOneIsOneCaller) {
  SpinPolicy policy(kLongest);
  for (std::uint32_t tid = 1; tid < 50; ++tid) arrive(policy, 20, 2us, tid);
  EXPECT_EQ(policy.nanoseconds(), kLongest.count());
}

TEST(SpinPolicy, RequestsOfTheKernelItselfCountAsNobody) {
  SpinPolicy policy(kLongest);
  for (int i = 0; i < 100; ++i) arrive(policy, 1, 2us, i % 2 == 0 ? 1 : 0);
  EXPECT_EQ(policy.nanoseconds(), kLongest.count());
}

}  // namespace
}  // namespace fusebox::door
