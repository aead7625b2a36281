#include "seccomp/notification.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

namespace fusebox::seccomp {
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

}  // namespace fusebox::seccomp
