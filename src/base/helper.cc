#include "base/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace fusebox {
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

Result<std::pair<Fd, Fd>> datagram_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return fail_with_errno();
  return std::pair{Fd(ends[0]), Fd(ends[1])};
}

Outcome<Helper> Helper::start(const char* name, const std::function<void(Fd channel)>& work) {
  auto pair = datagram_pair();
  if (!pair) return std::unexpected(fault_with_errno(std::string("make a channel for ") + name));
  const pid_t pid = fork();
  if (pid < 0) return std::unexpected(fault_with_errno(std::string("start ") + name));
  if (pid == 0) {
    pair->first.reset();
    if (become_helper(name, {pair->second.get()}, pair->second.get())) work(std::move(pair->second));
    _exit(1);
  }
  return Helper(pid, std::move(pair->first));
}

Helper::Helper(Helper&& other) noexcept : pid_(std::exchange(other.pid_, -1)), channel_(std::move(other.channel_)) {}

Helper& Helper::operator=(Helper&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(channel_, other.channel_);
  return *this;
}

std::string Helper::end() {
  if (pid_ <= 0) return {};
  const pid_t pid = std::exchange(pid_, -1);
  channel_.reset();
  kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return "exit status " + std::to_string(WEXITSTATUS(status));
  return "signal " + std::to_string(WTERMSIG(status));
}

}  // namespace fusebox
