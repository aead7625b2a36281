#include "base/descriptor_message.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace fusebox {
namespace {

class DescriptorMessage : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, GetParam() | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours_ = Fd(ends[0]);
    theirs_ = Fd(ends[1]);
  }

  Fd ours_;
  Fd theirs_;
};

TEST_P(DescriptorMessage, BringsTheSameFileCloseOnExec) {
  const Fd sent(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(send_descriptor(ours_.get(), sent.get()));
  const auto received = receive_descriptor(theirs_.get());
  ASSERT_TRUE(received);
  struct stat before{};
  struct stat after{};
  ASSERT_EQ(::fstat(sent.get(), &before), 0);
  ASSERT_EQ(::fstat(received->get(), &after), 0);
  EXPECT_EQ(before.st_rdev, after.st_rdev);
  EXPECT_NE(sent.get(), received->get());
  EXPECT_NE(::fcntl(received->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_P(DescriptorMessage, SaysWhereAMessageBringsNone) {
  ASSERT_EQ(::write(ours_.get(), "x", 1), 1);
  const auto received = receive_descriptor(theirs_.get());
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error(), Errno{EBADMSG});
}

TEST_P(DescriptorMessage, MoreThanOneAreNoneAndClosed) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  Fd out(pipe[0]);
  Fd in(pipe[1]);
  const std::array<int, 2> both = {in.get(), in.get()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof both)> control{};
  char byte = 'x';
  iovec part{.iov_base = &byte, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof both);
  std::memcpy(CMSG_DATA(header), both.data(), sizeof both);
  ASSERT_TRUE(send_packet(ours_.get(), message));
  EXPECT_EQ(receive_descriptor(theirs_.get()), fail(Errno{EBADMSG}));
  in.reset();
  EXPECT_EQ(::read(out.get(), &byte, 1), 0);  // nobody has the other end any more
}

TEST_P(DescriptorMessage, SaysWhereThePeerIsGone) {
  ours_.reset();
  const auto received = receive_descriptor(theirs_.get());
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error(), Errno{ENOTCONN});
  const auto sent = send_descriptor(theirs_.get(), theirs_.get());
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error(), Errno{EPIPE});
}

TEST_P(DescriptorMessage, SendsNothingThatIsNotOpen) {
  const auto sent = send_descriptor(ours_.get(), -1);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error(), Errno::bad_handle);
}

INSTANTIATE_TEST_SUITE_P(EachSocket, DescriptorMessage, testing::Values(SOCK_STREAM, SOCK_SEQPACKET));

}  // namespace
}  // namespace fusebox
