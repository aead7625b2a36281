// What a session tells the kernel of its own accord: the order, the ends, and the answers that come back.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/fake_kernel.h"
#include "support/memory_tree.h"
#include "support/running.h"

namespace fusebox::testing {
namespace {

using wire::Opcode;

struct Plain final : Node {
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::directory(0755); }
};

// A channel to a kernel that takes notifications when it is let, and may refuse them.
class Gate final : public door::Channel {
 public:
  Result<std::size_t> receive(std::span<std::byte>) override { return fail(Errno::no_device); }
  Result<> send(std::span<const std::byte> message) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
    ++sent_;
    sizes_.push_back(message.size());
    return answer_;
  }

  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void refuse_with(Errno error) { answer_ = fail(error); }
  std::size_t sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::vector<std::size_t> sizes_;
  std::size_t sent_ = 0;
  bool open_ = false;
  Result<> answer_;
};

class Notified : public ::testing::Test {
 protected:
  Notifier& notifier() { return kernel_.session().notifier(); }

  // The poll handles that the kernel was told of.
  std::vector<std::uint64_t> woken() {
    std::vector<std::uint64_t> handles;
    for (const Bytes& message : kernel_.notifications()) {
      EXPECT_EQ(message.size(), sizeof(wire::OutHeader) + sizeof(wire::NotifyPoll));
      std::memcpy(&handles.emplace_back(), message.data() + sizeof(wire::OutHeader), sizeof(std::uint64_t));
    }
    return handles;
  }

  // The number by which the kernel answers the only retrieve.
  std::uint64_t retrieval() {
    const std::vector<Bytes> told = kernel_.notifications();
    EXPECT_EQ(told.size(), 1u);
    wire::NotifyRetrieve out{};
    std::memcpy(&out, told.at(0).data() + sizeof(wire::OutHeader), sizeof(out));
    return out.notify_unique;
  }

  Ref<MemoryDirectory> root_ = memory_tree();
  FakeKernel kernel_{root_};
};

TEST_F(Notified, TheKernelIsToldInOrder) {
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 0; i < 500; ++i) {
    notifier().wake(PollHandle{i});
    expected.push_back(i);
  }
  EXPECT_EQ(woken(), expected);
  EXPECT_TRUE(kernel_.notifications().empty());
}

TEST_F(Notified, SeveralThreadsMayTell) {
  constexpr std::uint64_t kEach = 200;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([this, t] {
        for (std::uint64_t i = 0; i < kEach; ++i) notifier().wake(PollHandle{t * kEach + i});
      });
    }
  }
  std::vector<std::uint64_t> last(4, 0);
  const std::vector<std::uint64_t> all = woken();
  EXPECT_EQ(all.size(), 4 * kEach);
  for (const std::uint64_t handle : all) {  // each thread's in its own order
    EXPECT_LE(last[handle / kEach], handle % kEach);
    last[handle / kEach] = handle % kEach;
  }
}

TEST_F(Notified, DeliveredComesAfterWhatWasToldBefore) {
  const auto gate = std::make_shared<Gate>();
  kernel_.session().notifier().go_through(gate);
  for (std::uint64_t i = 0; i < 5; ++i) notifier().wake(PollHandle{i});
  const Running delivered(notifier().delivered());
  EXPECT_FALSE(delivered.ended());
  gate->open();
  EXPECT_TRUE(delivered.wait());
  EXPECT_EQ(gate->sent(), 5u);
}

TEST_F(Notified, ARefusalIsNobodysError) {
  const auto gate = std::make_shared<Gate>();
  gate->refuse_with(Errno::no_entry);
  gate->open();
  kernel_.session().notifier().go_through(gate);
  notifier().invalidate_entry(root_, "unknown to the kernel");
  notifier().wake(PollHandle{1});
  EXPECT_TRUE(Running(notifier().delivered()).wait());
  EXPECT_EQ(gate->sent(), 2u);
}

TEST_F(Notified, NodesThatTheKernelDoesNotKnowAreNotSpokenOf) {
  const Ref<Node> stranger = root_->add_file("a");
  const auto tell_all = [&] {
    notifier().invalidate(stranger, 0, 0);
    notifier().invalidate_attributes(stranger);
    notifier().invalidate_entry(stranger, "x");
    notifier().expire_entry(stranger, "x");
    notifier().removed(root_, stranger, "a");
    notifier().removed(stranger, root_, "x");
    notifier().store(stranger, 0, "data");
    notifier().prune(std::array{stranger});
    notifier().prune({});
  };
  tell_all();
  EXPECT_TRUE(kernel_.notifications().empty());
  EXPECT_EQ(Running(notifier().retrieve(stranger, 0, 10)).wait(), fail(Errno::no_entry));

  const auto entry = kernel_.lookup(kRoot, "a");
  tell_all();
  EXPECT_EQ(kernel_.notifications().size(), 8u);
  kernel_.forget(entry->nodeid, 1);
  tell_all();
  EXPECT_TRUE(kernel_.notifications().empty());
}

TEST_F(Notified, OnlyKnownNodesArePruned) {
  const Ref<Node> stranger = root_->add_file("a");
  notifier().prune(std::array{stranger, Ref<Node>(root_)});
  const std::vector<Bytes> told = kernel_.notifications();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].size(), sizeof(wire::OutHeader) + sizeof(wire::NotifyPrune) + 8);
}

TEST_F(Notified, ANodeIsKnownByItsIdentity) {
  root_->add_file("a");
  ASSERT_TRUE(kernel_.lookup(kRoot, "a"));
  notifier().invalidate_attributes(root_->child("a"));
  EXPECT_EQ(kernel_.notifications().size(), 1u);
}

// ---------------------------------------------------------------------------------------------- retrieve

TEST_F(Notified, ARetrieveGetsTheKernelsData) {
  const Running<std::string> data(notifier().retrieve(root_, 4096, 100));
  const std::uint64_t unique = retrieval();
  EXPECT_FALSE(data.ended());
  kernel_.notify_reply(unique, 4096, "what the page cache holds");
  EXPECT_EQ(data.wait(), "what the page cache holds");
}

TEST_F(Notified, RetrievesAreToldApart) {
  const Running<std::string> first(notifier().retrieve(root_, 0, 1));
  const std::uint64_t one = retrieval();
  const Running<std::string> second(notifier().retrieve(root_, 0, 2));
  const std::uint64_t two = retrieval();
  EXPECT_NE(one, two);
  kernel_.notify_reply(two, 0, "second");
  EXPECT_EQ(second.wait(), "second");
  EXPECT_FALSE(first.ended());
  kernel_.notify_reply(one, 0, "");
  EXPECT_EQ(first.wait(), "");
}

TEST_F(Notified, ARetrieveThatTheKernelRefusesGetsItsError) {
  const auto gate = std::make_shared<Gate>();
  gate->refuse_with(Errno::invalid);
  gate->open();
  kernel_.session().notifier().go_through(gate);
  EXPECT_EQ(Running(notifier().retrieve(root_, 0, 10)).wait(), fail(Errno::invalid));
}

TEST_F(Notified, ARetrieveEndsWithTheConnection) {
  const Running<std::string> waiting(notifier().retrieve(root_, 0, 10));
  const Running<std::string> another(notifier().retrieve(root_, 0, 10));
  kernel_.end_session();
  EXPECT_EQ(waiting.wait(), fail(Errno::no_device));
  EXPECT_EQ(another.wait(), fail(Errno::no_device));
}

TEST_F(Notified, AnAnswerThatNobodyAskedForIsLeftAside) {
  const Running<std::string> data(notifier().retrieve(root_, 0, 10));
  const std::uint64_t unique = retrieval();
  kernel_.notify_reply(unique + 1, 0, "for nobody");
  kernel_.notify_reply(0, 0, "for nobody");
  EXPECT_FALSE(data.ended());
  kernel_.notify_reply(unique, 0, "for us");
  kernel_.notify_reply(unique, 0, "twice");
  EXPECT_EQ(data.wait(), "for us");
}

TEST_F(Notified, AnAnswerThatIsCutShortIsLeftAside) {
  const Running<std::string> data(notifier().retrieve(root_, 0, 10));
  const std::uint64_t unique = retrieval();
  wire::NotifyRetrieveIn in{};
  for (const std::uint32_t size : {5u, 0x7fffffffu, 0xffffffffu}) {
    in.size = size;
    const Bytes bytes = RequestBytes(Opcode::notify_reply, kRoot).put(in).put_bytes(Bytes(4)).finish(unique, {});
    EXPECT_TRUE(kernel_.send_raw(bytes));
  }
  EXPECT_TRUE(kernel_.send_raw(RequestBytes(Opcode::notify_reply, kRoot).put_bytes(Bytes(39)).finish(unique, {})));
  EXPECT_FALSE(data.ended());
  EXPECT_TRUE(kernel_.getattr(kRoot));
  kernel_.notify_reply(unique, 0, "whole");
  EXPECT_EQ(data.wait(), "whole");
}

// ---------------------------------------------------------------------------------------------- ends

TEST_F(Notified, ADroppedWaitIsHarmless) {
  const auto gate = std::make_shared<Gate>();
  kernel_.session().notifier().go_through(gate);
  notifier().wake(PollHandle{1});
  EXPECT_EQ(notifier().delivered().run(), fail(Errno::again));
  EXPECT_EQ(notifier().retrieve(root_, 0, 10).run(), fail(Errno::again));
  gate->open();
  EXPECT_TRUE(Running(notifier().delivered()).wait());
  EXPECT_EQ(gate->sent(), 2u);  // the question went out all the same
  kernel_.notify_reply(1, 0, "for nobody");
  EXPECT_EQ(notifier().retrieve(root_, 0, 10).run(), fail(Errno::again));
  kernel_.end_session();
}

TEST(Notifications, AreKeptUntilThereIsAWay) {
  const tree::InodeTable inodes(make<Plain>());
  dispatch::Notifications notifications(inodes);
  for (std::uint64_t i = 0; i < 3; ++i) notifications.wake(PollHandle{i});
  const Running delivered(notifications.delivered());
  EXPECT_FALSE(delivered.ended());
  const auto channel = std::make_shared<door::MemoryChannel>();
  notifications.go_through(channel);
  EXPECT_TRUE(delivered.wait());
  EXPECT_EQ(channel->take_notifications().size(), 3u);
}

TEST(Notifications, EndWithAFullQueue) {
  const auto root = make<Plain>();
  const tree::InodeTable inodes(root);
  const auto gate = std::make_shared<Gate>();
  std::optional<Running<>> delivered;
  std::optional<Running<std::string>> retrieved;
  {
    dispatch::Notifications notifications(inodes);
    for (std::uint64_t i = 0; i < 1'000; ++i) notifications.wake(PollHandle{i});
    delivered.emplace(notifications.delivered());
    retrieved.emplace(notifications.retrieve(root, 0, 10));
    notifications.end();
    notifications.wake(PollHandle{1});
    EXPECT_EQ(Running(notifications.retrieve(root, 0, 10)).wait(), fail(Errno::no_device));
    EXPECT_TRUE(Running(notifications.delivered()).wait());
  }
  EXPECT_TRUE(delivered->wait());
  EXPECT_EQ(retrieved->wait(), fail(Errno::no_device));
  EXPECT_EQ(gate->sent(), 0u);
}

TEST(Notifications, EndWhileTheKernelTakesOne) {
  const tree::InodeTable inodes(make<Plain>());
  const auto gate = std::make_shared<Gate>();
  std::jthread later;
  {
    dispatch::Notifications notifications(inodes);
    notifications.go_through(gate);
    for (std::uint64_t i = 0; i < 10; ++i) notifications.wake(PollHandle{i});
    later = std::jthread([&gate] {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      gate->open();
    });
  }
  EXPECT_LE(gate->sent(), 1u);
}

// ---------------------------------------------------------------------------------------------- out of a handler

// Looks into the page cache before it answers.
struct Curious final : Node {
  Task<Attr> getattr(const Request&, Ref<Handle>) override {
    const std::string data = co_await kernel->session().notifier().retrieve(self.lock(), 0, 100);
    co_return Attr::file(0644, data.size());
  }

  FakeKernel* kernel = nullptr;
  std::weak_ptr<Node> self;
};

TEST(Notifications, AHandlerMayWaitForTheKernelsAnswer) {
  const auto node = make<Curious>();
  FakeKernel kernel(node);
  node->kernel = &kernel;
  node->self = node;
  const std::uint64_t request = kernel.send(RequestBytes(Opcode::getattr, kRoot).put(wire::GetattrIn{}));
  EXPECT_FALSE(kernel.answered(request));
  EXPECT_EQ(kernel.notifications().size(), 1u);
  kernel.notify_reply(1, 0, "seven b");
  const auto reply = kernel.wait(request);
  ASSERT_TRUE(reply);
  wire::AttrOut out{};
  std::memcpy(&out, reply->data(), sizeof(out));
  EXPECT_EQ(out.attr.size, 7u);
}

TEST(Notifications, AHandlerThatWaitsForAnAnswerEndsWithTheSession) {
  const auto node = make<Curious>();
  FakeKernel kernel(node);
  node->kernel = &kernel;
  node->self = node;
  kernel.send(RequestBytes(Opcode::getattr, kRoot).put(wire::GetattrIn{}));
  kernel.end_session();
}

}  // namespace
}  // namespace fusebox::testing
