#include "seccomp/notification.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fusebox::seccomp {
namespace {

// One byte goes with it: a message without any is none to a stream socket.
struct Message {
  char byte = '@';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};

  Message() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
};

}  // namespace

Result<std::optional<NotifiedCall>> receive_call(int listener) {
  for (;;) {
    // Kernels before 6.11 wait for ever in the ioctl when the last process under the filter has ended.
    pollfd ready{listener, POLLIN, 0};
    if (poll(&ready, 1, -1) < 0) {
      if (errno == EINTR) continue;
      return fail_with_errno();
    }
    if ((ready.revents & POLLNVAL) != 0) return fail(Errno{EBADF});
    if ((ready.revents & POLLIN) == 0) return std::nullopt;
    seccomp_notif call{};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      if (errno == EINTR || errno == ENOENT) continue;  // whoever called is gone again
      return fail_with_errno();
    }
    NotifiedCall received{.id = call.id, .pid = static_cast<pid_t>(call.pid), .number = call.data.nr};
    std::ranges::copy(call.data.args, received.arguments.begin());
    return received;
  }
}

bool still_waits(int listener, std::uint64_t id) { return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0; }

Result<> answer_call(int listener, std::uint64_t id, const Answer& answer) {
  seccomp_notif_resp response{};
  response.id = id;
  if (answer.goes_on) {
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  } else {
    response.val = answer.error == 0 ? answer.value : 0;
    response.error = -answer.error;
  }
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) != 0) return fail_with_errno();
  return {};
}

Result<> send_descriptor(int socket, int descriptor) {
  Message message;
  cmsghdr* const control = CMSG_FIRSTHDR(&message.header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(control), &descriptor, sizeof descriptor);
  if (sendmsg(socket, &message.header, MSG_NOSIGNAL) < 0) return fail_with_errno();
  return {};
}

Result<Fd> receive_descriptor(int socket) {
  Message message;
  ssize_t received = 0;
  do {
    received = recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return fail_with_errno();
  const cmsghdr* const control = CMSG_FIRSTHDR(&message.header);
  const bool holds_one = control != nullptr && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
                         control->cmsg_len == CMSG_LEN(sizeof(int));
  if (!holds_one) return fail(Errno{received == 0 ? ENOTCONN : EBADMSG});
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(control), sizeof descriptor);
  return Fd(descriptor);
}

}  // namespace fusebox::seccomp
