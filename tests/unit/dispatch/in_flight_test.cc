#include "dispatch/in_flight.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <thread>

namespace fusebox::dispatch {
namespace {

TEST(InFlight, AnInterruptStopsItsRequestAndNoOther) {
  InFlight requests;
  const std::stop_token two = requests.add(2);
  const std::stop_token four = requests.add(4);
  requests.interrupt(4);
  EXPECT_FALSE(two.stop_requested());
  EXPECT_TRUE(four.stop_requested());
}

TEST(InFlight, AnInterruptMayComeBeforeItsRequest) {
  InFlight requests;
  requests.interrupt(2);
  EXPECT_FALSE(requests.add(4).stop_requested());
  EXPECT_TRUE(requests.add(2).stop_requested());
}

TEST(InFlight, AnEarlyInterruptCountsOnce) {
  InFlight requests;
  requests.interrupt(2);
  EXPECT_TRUE(requests.add(2).stop_requested());
  requests.remove(2);
  EXPECT_FALSE(requests.add(2).stop_requested());
}

TEST(InFlight, AskingAgainGivesTheSameToken) {
  InFlight requests;
  const std::stop_token first = requests.add(2);
  EXPECT_EQ(first, requests.add(2));
  EXPECT_EQ(requests.size(), 1u);
}

TEST(InFlight, RemembersABoundedNumberOfEarlyInterrupts) {
  InFlight requests;
  for (std::uint64_t unique = 2; unique <= 2'000; unique += 2) requests.interrupt(unique);
  EXPECT_FALSE(requests.add(2).stop_requested());
  EXPECT_TRUE(requests.add(2'000).stop_requested());
}

TEST(InFlight, RemovedRequestsAreForgotten) {
  InFlight requests;
  const std::stop_token token = requests.add(2);
  requests.remove(2);
  requests.remove(2);
  EXPECT_EQ(requests.size(), 0u);
  requests.interrupt(2);
  EXPECT_FALSE(token.stop_requested());
}

TEST(InFlight, TheEndInterruptsWhoeverWaitsAndWhoeverComesLater) {
  InFlight requests;
  const std::stop_token before = requests.add(2);
  requests.interrupt_all();
  EXPECT_TRUE(before.stop_requested());
  EXPECT_TRUE(requests.add(4).stop_requested());
}

TEST(InFlight, ACallbackMayRemoveItsOwnRequest) {
  InFlight requests;
  std::optional<std::stop_callback<std::function<void()>>> callback;
  callback.emplace(requests.add(2), [&requests] { requests.remove(2); });
  requests.interrupt(2);
  EXPECT_EQ(requests.size(), 0u);
}

TEST(InFlight, InterruptsRaceWithTheEndOfTheirRequests) {
  InFlight requests;
  constexpr std::uint64_t kRequests = 2'000;
  std::jthread interrupter([&requests] {
    for (std::uint64_t unique = 0; unique < kRequests; ++unique) requests.interrupt(unique);
  });
  for (std::uint64_t unique = 0; unique < kRequests; ++unique) {
    const std::stop_token token = requests.add(unique);
    requests.remove(unique);
  }
  interrupter.join();
  EXPECT_EQ(requests.size(), 0u);
}

}  // namespace
}  // namespace fusebox::dispatch
