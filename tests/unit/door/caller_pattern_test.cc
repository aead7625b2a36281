#include "door/caller_pattern.h"

#include <gtest/gtest.h>

namespace fusebox::door {
namespace {

constexpr std::int64_t kMicrosecond = 1000;
constexpr std::int64_t kMillisecond = 1000 * kMicrosecond;

void arrive(CallerPattern& pattern, int times, std::int64_t waited, std::uint32_t tid) {
  for (int i = 0; i < times; ++i) pattern.arrived(tid, waited);
}

TEST(CallerPattern, OneCallerThatComesBackSoonIsWorthSpinningFor) {
  CallerPattern pattern;
  arrive(pattern, 100, 2 * kMicrosecond, 1);
  EXPECT_TRUE(pattern.one_at_a_time());
  EXPECT_TRUE(pattern.soon());
}

TEST(CallerPattern, NobodySpinsWhereItIsOfNoUse) {
  CallerPattern pattern;
  arrive(pattern, 100, 2 * kMicrosecond, 1);
  EXPECT_FALSE(pattern.should_spin()) << "nobody said yet that it is";
  pattern.may_spin(true, 0);
  EXPECT_TRUE(pattern.should_spin());
  pattern.may_spin(false, 0);
  EXPECT_FALSE(pattern.should_spin());
}

TEST(CallerPattern, NobodySpinsForAWhileAfterOthersWantedTheProcessor) {
  CallerPattern pattern;
  arrive(pattern, 100, 2 * kMicrosecond, 1);
  pattern.may_spin(true, 0);
  pattern.processor_was_wanted(10 * kMillisecond);
  EXPECT_FALSE(pattern.should_spin());
  pattern.may_spin(true, 109 * kMillisecond);
  EXPECT_FALSE(pattern.should_spin());
  pattern.may_spin(true, 110 * kMillisecond);
  EXPECT_TRUE(pattern.should_spin());
}

TEST(CallerPattern, RequestsThatComeSeldomAreNotSoon) {
  CallerPattern pattern;
  arrive(pattern, 100, kMillisecond, 1);
  EXPECT_FALSE(pattern.soon());
}

TEST(CallerPattern, AfterALongPauseSomeQuickRequestsAreSoonAgain) {
  CallerPattern pattern;
  arrive(pattern, 100, 1000 * kMillisecond, 1);
  arrive(pattern, 30, kMicrosecond, 1);
  EXPECT_TRUE(pattern.soon());
}

TEST(CallerPattern, TwoCallersThatTakeTurnsAreSeveral) {
  CallerPattern pattern;
  for (std::uint32_t i = 0; i < 100; ++i) pattern.arrived(1 + i % 2, 2 * kMicrosecond);
  EXPECT_FALSE(pattern.one_at_a_time());
}

TEST(CallerPattern, WhenOneOfTwoCallersIsDoneTheOtherIsAloneAgain) {
  CallerPattern pattern;
  for (std::uint32_t i = 0; i < 100; ++i) pattern.arrived(1 + i % 2, 2 * kMicrosecond);
  arrive(pattern, 100, 2 * kMicrosecond, 1);
  EXPECT_TRUE(pattern.one_at_a_time());
}

TEST(CallerPattern, AShellThatStartsOneProgramAfterAnotherIsOneCaller) {
  CallerPattern pattern;
  for (std::uint32_t child = 2; child < 200; ++child) {
    arrive(pattern, 12, 2 * kMicrosecond, child);
    arrive(pattern, 2, 2 * kMicrosecond, 1);
    EXPECT_TRUE(pattern.one_at_a_time()) << "child " << child;
  }
}

TEST(CallerPattern, RequestsOfTheKernelItselfCountAsNobody) {
  CallerPattern pattern;
  for (std::uint32_t i = 0; i < 100; ++i) pattern.arrived(i % 2, 2 * kMicrosecond);
  EXPECT_TRUE(pattern.one_at_a_time());
}

}  // namespace
}  // namespace fusebox::door
