// What the box's init and the mounter have in common.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "box/init.h"

namespace fusebox::box {
namespace {

void close_all_but(std::vector<int> kept) {
  std::ranges::sort(kept);
  unsigned first = STDERR_FILENO + 1;
  for (const int fd : kept) {
    if (fd < static_cast<int>(first)) continue;
    const auto next = static_cast<unsigned>(fd);
    if (next > first) close_range(first, next - 1, 0);
    first = next + 1;
  }
  close_range(first, ~0U, 0);
}

}  // namespace

bool become_helper(const char* name, std::vector<int> kept, int channel) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  prctl(PR_SET_NAME, name, 0, 0, 0);
  close_all_but(std::move(kept));
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return false;
  // It may have died before the prctl. Its pid would not tell: across pid namespaces getppid() is always 0.
  pollfd peer{channel, POLLIN, 0};
  return poll(&peer, 1, 0) >= 0 && (peer.revents & (POLLHUP | POLLERR)) == 0;
}

void let_go_of_standard_descriptors() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (null >= 0) {
      dup2(null, fd);
    } else {
      close(fd);
    }
  }
  if (null > STDERR_FILENO) close(null);
}

}  // namespace fusebox::box
