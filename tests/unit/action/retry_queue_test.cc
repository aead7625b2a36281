#include "action/retry_queue.h"

#include <gmock/gmock.h>

namespace fusebox::action {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

class RetryQueueTest : public ::testing::Test {
 protected:
  void add(std::uint64_t event) { queue_.add({.event = event, .came = now_}); }
  Delivery take() {
    auto delivery = queue_.next(now_);
    EXPECT_TRUE(delivery.has_value());
    return delivery.value_or(Delivery{});
  }
  std::vector<std::uint64_t> fail(Delivery delivery) {
    std::vector<std::uint64_t> events;
    for (const GivenUp& one : queue_.failed(std::move(delivery), "refused", now_)) events.push_back(one.event);
    return events;
  }

  Time now_ = Time(seconds(1000));
  RetryQueue queue_{2};
};

TEST_F(RetryQueueTest, GivesInOrderAndNoMoreAtOnceThanItMay) {
  for (const std::uint64_t event : {1U, 2U, 3U}) add(event);
  EXPECT_EQ(take().event, 1u);
  EXPECT_EQ(take().event, 2u);
  EXPECT_FALSE(queue_.next(now_).has_value());
  queue_.done(now_);
  EXPECT_EQ(take().event, 3u);
  queue_.done(now_);
  queue_.done(now_);
  EXPECT_TRUE(queue_.is_idle());
}

TEST_F(RetryQueueTest, AFailureIsTriedAgainInItsPlaceAfterAPauseThatGrows) {
  for (const std::uint64_t event : {1U, 2U}) add(event);
  for (const int pause : {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
    EXPECT_THAT(fail(take()), ElementsAre());
    EXPECT_EQ(queue_.pause_ends(), now_ + milliseconds(pause));
    EXPECT_FALSE(queue_.next(now_).has_value());
    now_ += milliseconds(pause);
  }
  EXPECT_EQ(take().event, 1u);
}

TEST_F(RetryQueueTest, WhileAllFailsOneAtATimeIsTried) {
  for (const std::uint64_t event : {1U, 2U, 3U}) add(event);
  Delivery first = take();
  Delivery second = take();
  (void)fail(std::move(first));
  (void)fail(std::move(second));
  EXPECT_EQ(queue_.pause_ends(), now_ + milliseconds(100)) << "those that failed together count as one failure";
  now_ += seconds(1);
  EXPECT_EQ(take().event, 1u);
  EXPECT_FALSE(queue_.next(now_).has_value());
  queue_.done(now_);
  EXPECT_EQ(take().event, 2u);
  EXPECT_EQ(take().event, 3u);
}

TEST_F(RetryQueueTest, WhatWasTriedForTooLongIsGivenUpAndWhatCameLaterIsNot) {
  add(1);
  (void)fail(take());
  now_ += RetryQueue::kPatience;
  add(2);
  now_ += milliseconds(1);
  EXPECT_THAT(fail(take()), ElementsAre(1u));
  now_ += seconds(10);
  EXPECT_EQ(take().event, 2u);
}

TEST_F(RetryQueueTest, OnceTheCommandHasEndedThreeFailuresInARowAreEnough) {
  for (const std::uint64_t event : {1U, 2U, 3U}) add(event);
  (void)fail(take());
  queue_.hurry(now_, std::nullopt);
  now_ += seconds(1);
  EXPECT_THAT(fail(take()), ElementsAre());
  now_ += seconds(1);
  EXPECT_THAT(fail(take()), ElementsAre(1u, 2u, 3u));
  EXPECT_TRUE(queue_.is_idle());
}

TEST_F(RetryQueueTest, WhatIsRejectedHoldsUpNobody) {
  for (const std::uint64_t event : {1U, 2U}) add(event);
  EXPECT_EQ(queue_.rejected(take(), "the server says 404").event, 1u);
  EXPECT_EQ(take().event, 2u);
}

TEST_F(RetryQueueTest, KnowsWhatItsTroubleIsUntilOneSucceeds) {
  for (const std::uint64_t event : {1U, 2U}) add(event);
  (void)fail(take());
  EXPECT_EQ(queue_.trouble(), "refused");
  now_ += seconds(1);
  (void)take();
  queue_.done(now_);
  EXPECT_EQ(queue_.trouble(), "");
}

TEST_F(RetryQueueTest, KnowsItsOldest) {
  EXPECT_FALSE(queue_.oldest().has_value());
  add(1);
  now_ += seconds(1);
  add(2);
  EXPECT_EQ(queue_.oldest(), now_ - seconds(1));
}

TEST_F(RetryQueueTest, OnceTheCommandHasEndedPatienceEndsUnlessOneIsDone) {
  for (const std::uint64_t event : {1U, 2U, 3U}) add(event);
  const Delivery first = take();
  EXPECT_FALSE(queue_.patience_ends().has_value());
  queue_.hurry(now_, milliseconds(100));
  EXPECT_EQ(queue_.patience_ends(), now_ + milliseconds(100));
  now_ += milliseconds(50);
  queue_.done(now_);
  EXPECT_EQ(queue_.patience_ends(), now_ + milliseconds(100)) << "who works is waited for";
  now_ += milliseconds(50);
  (void)fail(take());
  EXPECT_EQ(queue_.patience_ends(), now_ + milliseconds(50)) << "a failure is no success";
  now_ += milliseconds(1000);
  (void)queue_.rejected(take(), "no");
  EXPECT_LT(*queue_.patience_ends(), now_) << "and neither is a refusal";
}

TEST_F(RetryQueueTest, WhereNothingIsLeftPatienceHasNoEnd) {
  queue_.hurry(now_, milliseconds(100));
  EXPECT_FALSE(queue_.patience_ends().has_value());
}

}  // namespace
}  // namespace fusebox::action
