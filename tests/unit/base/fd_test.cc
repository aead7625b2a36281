#include "fusebox/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace fusebox {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
Fd open_null() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

TEST(Fd, ClosesWhatItHolds) {
  int number = -1;
  {
    const Fd fd = open_null();
    number = fd.get();
    ASSERT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, MovesOwnership) {
  Fd first = open_null();
  const int number = first.get();
  Fd second(std::move(first));
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): what a move leaves behind is the subject
  EXPECT_EQ(second.get(), number);
  Fd third;
  third = std::move(second);
  EXPECT_EQ(third.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(Fd, ReleaseGivesItAway) {
  Fd fd = open_null();
  const int number = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(number));
  const Fd closes(number);
}

TEST(Fd, HoldsNothingAtFirstAndAfterReset) {
  Fd fd;
  EXPECT_FALSE(fd);
  fd = open_null();
  const int number = fd.get();
  fd.reset();
  EXPECT_FALSE(fd);
  EXPECT_FALSE(is_open(number));
  fd.reset();
}

}  // namespace
}  // namespace fusebox
