#include "door/memory_door.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "wire/abi.h"

namespace fusebox::door {
namespace {

using namespace std::chrono_literals;
using Bytes = MemoryChannel::Bytes;

template <class Header>
Bytes bytes_of(const Header& header, std::size_t payload = 0) {
  Bytes bytes(sizeof(header) + payload);
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

Bytes request(std::uint64_t unique, wire::Opcode opcode = wire::Opcode::getattr, std::size_t payload = 0) {
  wire::InHeader header{};
  header.len = static_cast<std::uint32_t>(sizeof(header) + payload);
  header.opcode = static_cast<std::uint32_t>(opcode);
  header.unique = unique;
  return bytes_of(header, payload);
}

Bytes reply(std::uint64_t unique, std::int32_t error = 0, std::size_t payload = 0) {
  return bytes_of(
      wire::OutHeader{
          .len = static_cast<std::uint32_t>(sizeof(wire::OutHeader) + payload), .error = error, .unique = unique},
      payload);
}

class MemoryDoor : public ::testing::Test {
 protected:
  // The number of the next request.
  std::uint64_t receive() {
    const Result<std::size_t> length = channel_.receive(buffer_);
    wire::InHeader header{};
    if (!length) return 0;
    EXPECT_GE(*length, sizeof(header));
    std::memcpy(&header, buffer_.data(), sizeof(header));
    return header.unique;
  }

  MemoryChannel channel_;
  std::array<std::byte, 8192> buffer_{};
};

TEST_F(MemoryDoor, HandsOutRequestsInOrder) {
  channel_.enqueue(request(2));
  channel_.enqueue(request(4));
  EXPECT_EQ(receive(), 2u);
  EXPECT_EQ(receive(), 4u);
}

TEST_F(MemoryDoor, KeepsEachReplyForItsRequest) {
  channel_.enqueue(request(2));
  channel_.enqueue(request(4));
  receive();
  receive();
  EXPECT_TRUE(channel_.send(reply(4, 0, 8)));
  EXPECT_TRUE(channel_.send(reply(2, -ENOENT)));
  EXPECT_EQ(channel_.take_reply(2, 0ns), reply(2, -ENOENT));
  EXPECT_EQ(channel_.take_reply(4, 0ns), reply(4, 0, 8));
  EXPECT_EQ(channel_.take_reply(4, 0ns), std::nullopt);
}

TEST_F(MemoryDoor, RefusesAReplyThatNobodyWaitsFor) {
  channel_.enqueue(request(2));
  channel_.enqueue(request(4, wire::Opcode::forget));
  EXPECT_TRUE(channel_.send(reply(2)));
  EXPECT_EQ(channel_.send(reply(2)), fail(Errno::no_entry));
  EXPECT_EQ(channel_.send(reply(4)), fail(Errno::no_entry));
  EXPECT_EQ(channel_.send(reply(99)), fail(Errno::no_entry));
  EXPECT_EQ(channel_.refused(), 3u);
}

TEST_F(MemoryDoor, RefusesTheReplyToACallerThatGaveUp) {
  channel_.enqueue(request(2));
  channel_.abandon(2);
  EXPECT_EQ(receive(), 2u);
  EXPECT_EQ(channel_.send(reply(2)), fail(Errno::no_entry));
  EXPECT_EQ(channel_.take_reply(2, 0ns), std::nullopt);
}

TEST_F(MemoryDoor, RefusesWhatTheKernelWouldRefuse) {
  channel_.enqueue(request(2));
  Bytes too_long = reply(2);
  too_long.push_back(std::byte{0});
  EXPECT_EQ(channel_.send(too_long), fail(Errno::invalid));
  EXPECT_EQ(channel_.send(std::span(too_long).first(15)), fail(Errno::invalid));
  EXPECT_EQ(channel_.send(reply(2, ENOENT)), fail(Errno::invalid));
  EXPECT_EQ(channel_.send(reply(2, -512)), fail(Errno::invalid));
  EXPECT_EQ(channel_.send(reply(2, -EIO, 8)), fail(Errno::invalid));
  EXPECT_TRUE(channel_.send(reply(2, -511)));
}

TEST_F(MemoryDoor, AnswersARequestThatDoesNotFitAndGoesOn) {
  channel_.enqueue(request(2, wire::Opcode::write, 8192));
  channel_.enqueue(request(4));
  EXPECT_EQ(receive(), 4u);
  EXPECT_EQ(channel_.take_reply(2, 0ns), reply(2, -EIO));
}

TEST_F(MemoryDoor, CollectsNotifications) {
  EXPECT_TRUE(channel_.send(reply(0, 2, 24)));
  EXPECT_EQ(channel_.take_notifications(), (std::vector<Bytes>{reply(0, 2, 24)}));
  EXPECT_TRUE(channel_.take_notifications().empty());
}

TEST_F(MemoryDoor, EndsWhenItIsClosed) {
  channel_.enqueue(request(2));
  channel_.close();
  EXPECT_EQ(channel_.receive(buffer_), fail(Errno::no_device));
  EXPECT_EQ(channel_.send(reply(2)), fail(Errno::no_device));
  channel_.enqueue(request(4));
  EXPECT_EQ(channel_.receive(buffer_), fail(Errno::no_device));
}

TEST_F(MemoryDoor, ClosingWakesWhoeverWaits) {
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([this] {
      std::array<std::byte, 8192> buffer{};
      EXPECT_EQ(channel_.receive(buffer), fail(Errno::no_device));
    });
  }
  std::this_thread::sleep_for(1ms);
  channel_.close();
}

TEST_F(MemoryDoor, ARequestWakesWhoeverReceives) {
  std::jthread reader([this] {
    EXPECT_EQ(receive(), 2u);
    EXPECT_TRUE(channel_.send(reply(2)));
  });
  std::this_thread::sleep_for(1ms);
  channel_.enqueue(request(2));
  EXPECT_EQ(channel_.take_reply(2, 10s), reply(2));
}

}  // namespace
}  // namespace fusebox::door
