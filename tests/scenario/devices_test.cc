// Locks, ioctl(2) and poll(2), over a file that has them; and what a kernel would not ask.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <string>

#include "support/fake_kernel.h"
#include "support/gadget.h"
#include "support/memory_tree.h"

namespace fusebox::testing {
namespace {

using wire::Opcode;

constexpr Errno kNoLocks{ENOLCK};
constexpr Errno kNoIoctl{ENOTTY};

class Devices : public ::testing::Test {
 protected:
  Devices() { fh_ = kernel_.open(kRoot, O_RDWR)->fh; }

  wire::LockIn lock(std::uint64_t owner, std::uint32_t type, std::uint64_t start = 0,
                    std::uint64_t end = FileLock::kToEnd) const {
    return {.fh = fh_,
            .owner = owner,
            .lock = {.start = start, .end = end, .type = type, .pid = static_cast<std::uint32_t>(owner)},
            .lock_flags = 0,
            .padding = 0};
  }
  wire::LockIn flock(std::uint64_t owner, std::uint32_t type) const {
    wire::LockIn in = lock(owner, type);
    in.lock_flags = wire::kLockFlock;
    return in;
  }

  Ref<Gadget> gadget_ = make<Gadget>();
  FakeKernel kernel_{gadget_, {.locks = true}};
  std::uint64_t fh_ = 0;
};

// ---------------------------------------------------------------------------------------------- locks

TEST_F(Devices, ALockKeepsOthersAwayUntilItGoes) {
  EXPECT_TRUE(kernel_.setlk(kRoot, lock(1, F_WRLCK, 0, 99)));
  EXPECT_EQ(kernel_.setlk(kRoot, lock(2, F_RDLCK, 50, 149)), fail(Errno::again));
  EXPECT_TRUE(kernel_.setlk(kRoot, lock(2, F_RDLCK, 100, 149)));
  EXPECT_TRUE(kernel_.setlk(kRoot, lock(1, F_UNLCK, 0, 99)));
  EXPECT_TRUE(kernel_.setlk(kRoot, lock(2, F_RDLCK, 0, 99)));
}

TEST_F(Devices, GetlkSaysWhoStandsInTheWay) {
  ASSERT_TRUE(kernel_.setlk(kRoot, lock(1, F_WRLCK, 10, 19)));
  const auto found = kernel_.getlk(kRoot, lock(2, F_RDLCK));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->type, static_cast<std::uint32_t>(F_WRLCK));
  EXPECT_EQ(found->start, 10u);
  EXPECT_EQ(found->end, 19u);
  EXPECT_EQ(found->pid, 1u);
  const auto free = kernel_.getlk(kRoot, lock(2, F_WRLCK, 20, 29));
  ASSERT_TRUE(free);
  EXPECT_EQ(free->type, static_cast<std::uint32_t>(F_UNLCK));
}

TEST_F(Devices, FlockAndFcntlDoNotMix) {
  EXPECT_TRUE(kernel_.setlk(kRoot, lock(1, F_WRLCK)));
  EXPECT_TRUE(kernel_.setlk(kRoot, flock(2, F_WRLCK)));
  EXPECT_EQ(kernel_.setlk(kRoot, flock(3, F_RDLCK)), fail(Errno::again));
}

TEST_F(Devices, WhoWaitsForALockGetsItWhenItIsFree) {
  ASSERT_TRUE(kernel_.setlk(kRoot, lock(1, F_WRLCK)));
  const std::uint64_t waiting = kernel_.send(RequestBytes(Opcode::setlkw, kRoot).put(lock(2, F_WRLCK)));
  EXPECT_FALSE(kernel_.answered(waiting));
  ASSERT_TRUE(kernel_.setlk(kRoot, lock(1, F_UNLCK)));
  EXPECT_TRUE(kernel_.wait(waiting));
  EXPECT_EQ(kernel_.setlk(kRoot, lock(1, F_RDLCK)), fail(Errno::again));
}

TEST_F(Devices, AnInterruptEndsTheWaitForALock) {
  ASSERT_TRUE(kernel_.setlk(kRoot, flock(1, F_WRLCK)));
  const std::uint64_t waiting = kernel_.send(RequestBytes(Opcode::setlkw, kRoot).put(flock(2, F_WRLCK)));
  kernel_.interrupt(waiting);
  EXPECT_EQ(kernel_.wait(waiting), fail(Errno::interrupted));
}

TEST_F(Devices, LocksThatCannotBeAreInvalid) {
  for (const Opcode opcode : {Opcode::getlk, Opcode::setlk, Opcode::setlkw}) {
    const auto ask = [&](const wire::LockIn& in) { return kernel_.call(RequestBytes(opcode, kRoot).put(in)); };
    EXPECT_EQ(ask(lock(1, F_WRLCK, 100, 99)), fail(Errno::invalid));
    EXPECT_EQ(ask(lock(1, F_WRLCK, ~0ull, 0)), fail(Errno::invalid));
    EXPECT_EQ(ask(lock(1, 3)), fail(Errno::invalid));
    EXPECT_EQ(ask(lock(1, 0xffffffff)), fail(Errno::invalid));
    wire::LockIn unknown = lock(1, F_WRLCK);
    unknown.fh = 99;
    EXPECT_EQ(ask(unknown), fail(Errno::bad_handle));
  }
}

TEST_F(Devices, ALockOfOneByteAndOneOfAllBytesAreFine) {
  EXPECT_TRUE(kernel_.setlk(kRoot, lock(1, F_WRLCK, 7, 7)));
  EXPECT_TRUE(kernel_.setlk(kRoot, lock(1, F_WRLCK, 0, ~0ull)));
}

TEST_F(Devices, AFileWithoutLocksHasNone) {
  const auto root = memory_tree();
  root->add_file("a");
  FakeKernel kernel(root, {.locks = true});
  const auto file = kernel.open(kernel.lookup(kRoot, "a")->nodeid, O_RDWR);
  wire::LockIn in = lock(1, F_WRLCK);
  in.fh = file->fh;
  EXPECT_EQ(kernel.getlk(kRoot, in), fail(kNoLocks));
  EXPECT_EQ(kernel.setlk(kRoot, in), fail(kNoLocks));
  EXPECT_EQ(kernel.setlkw(kRoot, in), fail(kNoLocks));
  in.lock_flags = wire::kLockFlock;
  EXPECT_EQ(kernel.setlk(kRoot, in), fail(kNoLocks));
}

// ---------------------------------------------------------------------------------------------- ioctl

TEST_F(Devices, AnIoctlMovesDataBothWays) {
  const auto answer = kernel_.ioctl(fh_, _IOWR('F', 1, int), 0x1234, "abcd", 4);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->result, 0x34);
  EXPECT_EQ(answer->data, "dcba");
  EXPECT_EQ(kernel_.ioctl(fh_, _IO('F', 2), 7, "", 0)->result, 7);
}

TEST_F(Devices, AnIoctlThatPromisesMoreDataThanItBringsIsRefused) {
  for (const std::uint32_t size : {5u, 0x10000u, 0xffffffffu}) {
    const wire::IoctlIn in{.fh = fh_, .flags = 0, .cmd = 1, .arg = 0, .in_size = size, .out_size = 0};
    EXPECT_EQ(kernel_.call(RequestBytes(Opcode::ioctl, kRoot).put(in).put_bytes(Bytes(4))), fail(Errno::io));
  }
}

TEST_F(Devices, AnIoctlThatWantsMoreThanThereIsRoomForGetsWhatFits) {
  struct Filling final : Node {
    Task<IoctlReply> ioctl(const Request&, unsigned, std::uint64_t, std::span<const std::byte>,
                           std::span<std::byte> out) override {
      co_return IoctlReply{.result = 0, .size = out.size()};
    }
  };
  FakeKernel kernel(make<Filling>(), {.max_write = 4096});
  const auto answer = kernel.ioctl(0, 1, 0, "", 0xffffffff);
  ASSERT_TRUE(answer);
  EXPECT_GE(answer->data.size(), 4096u);
  EXPECT_LE(answer->data.size(), 4096u + 8192u);
}

TEST_F(Devices, AnIoctlThatClaimsMoreThanItsRoomIsNotBelieved) {
  struct Boastful final : Node {
    Task<IoctlReply> ioctl(const Request&, unsigned, std::uint64_t, std::span<const std::byte>,
                           std::span<std::byte> out) override {
      co_return IoctlReply{.result = 0, .size = out.size() + 1};
    }
  };
  FakeKernel kernel(make<Boastful>());
  EXPECT_EQ(kernel.ioctl(0, 1, 0, "", 0), fail(Errno::io));
  EXPECT_EQ(kernel.ioctl(0, 1, 0, "", 100), fail(Errno::io));
  EXPECT_EQ(kernel.ioctl(0, 1, 0, "", 0xffffffff), fail(Errno::io));
}

TEST_F(Devices, AFileWithoutIoctlsSaysSo) {
  FakeKernel kernel(memory_tree());
  EXPECT_EQ(kernel.ioctl(0, 1, 0, "abcd", 4), fail(kNoIoctl));
}

// ---------------------------------------------------------------------------------------------- poll

TEST_F(Devices, WhoPollsIsToldWhenSomethingChanges) {
  EXPECT_EQ(kernel_.poll(fh_, POLLIN | POLLOUT), 0u);
  EXPECT_EQ(gadget_->become_ready(0), std::nullopt);
  EXPECT_EQ(kernel_.poll(fh_, POLLIN, PollHandle{5}), 0u);
  const auto tell = gadget_->become_ready(POLLIN);
  ASSERT_EQ(tell, PollHandle{5});
  kernel_.session().notifier().wake(*tell);
  EXPECT_EQ(kernel_.notifications().size(), 1u);
  EXPECT_EQ(kernel_.poll(fh_, POLLIN | POLLOUT), static_cast<unsigned>(POLLIN));
}

TEST_F(Devices, AFileWithoutPollIsAlwaysReady) {
  const auto root = memory_tree();
  root->add_file("a");
  FakeKernel kernel(root);
  const std::uint64_t a = kernel.lookup(kRoot, "a")->nodeid;
  const auto file = kernel.open(a, O_RDWR);
  for (const std::uint64_t fh : {file->fh, std::uint64_t{0}}) {
    EXPECT_EQ(kernel.poll(fh, POLLIN, std::nullopt, a),
              static_cast<unsigned>(POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM));
  }
}

TEST_F(Devices, AnErrorOfAPollIsItsCallers) {
  struct Broken final : Node {
    Task<unsigned> poll(const Request&, unsigned, std::optional<PollHandle>) override { co_return Errno::io; }
  };
  FakeKernel kernel(make<Broken>());
  EXPECT_EQ(kernel.poll(0, POLLIN), fail(Errno::io));
  EXPECT_EQ(kernel.poll(99, POLLIN), fail(Errno::bad_handle));
}

}  // namespace
}  // namespace fusebox::testing
