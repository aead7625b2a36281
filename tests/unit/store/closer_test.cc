#include "store/closer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>

namespace fusebox {
namespace {

// The reading end of a pipe, and its writing end as a descriptor of a node.
struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read = Fd(ends[0]);
    write = std::make_shared<Descriptor>(Fd(ends[1]), false);
  }

  bool is_closed(int milliseconds) const {
    pollfd waiting{.fd = read.get(), .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, milliseconds) == 1 && (waiting.revents & POLLHUP) != 0;
  }

  Fd read;
  Lease write;
};

TEST(Closer, ClosesOneAfterAnother) {
  Closer closer;
  for (int i = 0; i < 3; ++i) {
    Pipe pipe;
    closer.close_soon(std::move(pipe.write));
    EXPECT_TRUE(pipe.is_closed(10'000));
  }
}

TEST(Closer, KeepsNothingOpenBeyondItsEnd) {
  std::vector<Pipe> pipes(50);
  {
    Closer closer;
    for (Pipe& pipe : pipes) closer.close_soon(std::move(pipe.write));
  }
  for (const Pipe& pipe : pipes) EXPECT_TRUE(pipe.is_closed(0));
}

TEST(Closer, WhoStillHoldsTheDescriptorMayWorkWithIt) {
  Closer closer;
  Pipe pipe;
  const Lease at_work = pipe.write;
  closer.close_soon(std::move(pipe.write));
  EXPECT_FALSE(pipe.is_closed(20));
}

}  // namespace
}  // namespace fusebox
