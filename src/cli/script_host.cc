#include "cli/script_host.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "base/helper.h"
#include "cli/command.h"
#include "script/host.h"

namespace fusebox::cli {
namespace {

void tell(const std::string& line) {
  const std::string whole = "fusebox: " + line + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, whole.data(), whole.size());
}

// What the host says to its watcher once the file system is shown: one of these, and the absolute path.
constexpr char kForeground = 'f';
constexpr char kBackground = 'b';

// The terminal, its keys and the working directory are left to others; the watcher may end.
void leave_for_background() {
  ::setsid();
  [[maybe_unused]] const int moved = ::chdir("/");
  let_go_of_standard_descriptors();
  ::prctl(PR_SET_PDEATHSIG, 0);
}

script::HostOptions host_options(const ScriptOptions& options, Fd mounted) {
  script::HostOptions host;
  host.file = options.file;
  host.arguments = {"fusebox", options.file};
  host.mount_point = options.mount_option.empty() ? options.mount_point : options.mount_option;
  if (!options.mount_option.empty() && !options.mount_point.empty()) host.arguments.push_back(options.mount_point);
  host.arguments.insert(host.arguments.end(), options.arguments.begin(), options.arguments.end());
  if (options.hook_timeout) {
    host.hook_limit = std::chrono::nanoseconds(static_cast<std::int64_t>(*options.hook_timeout * 1e9));
  }
  host.memory_limit = static_cast<std::size_t>(options.memory) << 20;
  host.debug = options.debug;
  host.tell = tell;
  if (options.hand_over >= 0) host.hand_over = Fd(options.hand_over);
  host.mounted = [pipe = std::make_shared<Fd>(std::move(mounted))](const std::string& path, bool background) {
    if (background) leave_for_background();
    const std::string said = (background ? kBackground : kForeground) + path;
    [[maybe_unused]] const ssize_t written = ::write(pipe->get(), said.data(), said.size());
    pipe->reset();
  };
  return host;
}

// A server that died leaves a mount on which every access fails ("Transport endpoint is not connected"); not stat,
// where the kernel may keep the attributes.
void unmount_if_dead(const std::string& path) {
  struct statfs found{};
  if (::statfs(path.c_str(), &found) != 0 && errno == ENOTCONN) ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

// A process without a terminal watches on; this one may end.
int watch_from_background(pid_t host, const std::string& path) {
  const Fd ends(static_cast<int>(::syscall(SYS_pidfd_open, host, 0)));
  if (!ends) return report(fault_with_errno("pidfd_open"));
  const pid_t watcher = ::fork();
  if (watcher < 0) return report(fault_with_errno("fork"));
  if (watcher > 0) return 0;
  ::setsid();
  [[maybe_unused]] const int moved = ::chdir("/");
  let_go_of_standard_descriptors();
  pollfd ended{ends.get(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  unmount_if_dead(path);
  ::_exit(0);
}

// Waits for the host, and passes on the signals by which people end it.
int watch(pid_t host, const Fd& told, const sigset_t& watched) {
  const Fd signals(::signalfd(-1, &watched, SFD_CLOEXEC));
  std::array<pollfd, 2> events{{{signals.get(), POLLIN, 0}, {told.get(), POLLIN, 0}}};
  std::string path;
  for (;;) {
    if (::poll(events.data(), events.size(), -1) < 0) continue;
    if (events[1].revents != 0) {
      std::array<char, PATH_MAX + 1> said{};
      const ssize_t length = ::read(told.get(), said.data(), said.size());
      events[1].fd = -1;
      if (length > 1) path.assign(said.data() + 1, static_cast<std::size_t>(length) - 1);
      if (length > 1 && said[0] == kBackground) return watch_from_background(host, path);
    }
    if (events[0].revents == 0) continue;
    signalfd_siginfo signal{};
    if (::read(signals.get(), &signal, sizeof signal) != sizeof signal) continue;
    if (signal.ssi_signo != SIGCHLD) {
      ::kill(host, static_cast<int>(signal.ssi_signo));
      continue;
    }
    int status = 0;
    if (::waitpid(host, &status, WNOHANG) != host) continue;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    unmount_if_dead(path);
    tell("the script's process: ended by signal " + std::to_string(WTERMSIG(status)));
    return 128 + WTERMSIG(status);
  }
}

}  // namespace

int run_script(const ScriptOptions& options) {
  if (options.hand_over >= 0) return script::Host(host_options(options, Fd())).run();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return report(fault_with_errno("pipe"));
  Fd told(ends[0]);
  Fd telling(ends[1]);
  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&watched, signal);
  sigset_t before;
  ::sigprocmask(SIG_BLOCK, &watched, &before);
  const pid_t watcher = ::getpid();
  const pid_t host = ::fork();
  if (host < 0) return report(fault_with_errno("fork"));
  if (host == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != watcher) return 1;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    told.reset();
    return script::Host(host_options(options, std::move(telling))).run();
  }
  telling.reset();
  return watch(host, told, watched);
}

}  // namespace fusebox::cli
