#include "cli/script_host.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "cli/command.h"
#include "script/host.h"

namespace fusebox::cli {
namespace {

void tell(const std::string& line) {
  const std::string whole = "fusebox: " + line + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, whole.data(), whole.size());
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
  host.mounted = [pipe = std::make_shared<Fd>(std::move(mounted))](const std::string& path) {
    [[maybe_unused]] const ssize_t written = ::write(pipe->get(), path.data(), path.size());
    pipe->reset();
  };
  return host;
}

// A server that died leaves a mount on which every access fails ("Transport endpoint is not connected"); not stat,
// where the kernel may keep the attributes.
void unmount_if_dead(const Fd& told) {
  std::array<char, 4096> path{};
  if (::read(told.get(), path.data(), path.size() - 1) <= 0) return;
  struct statfs found{};
  if (::statfs(path.data(), &found) != 0 && errno == ENOTCONN) ::umount2(path.data(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

// Waits for the host, and passes on the signals by which people end it.
int watch(pid_t host, const Fd& told, const sigset_t& watched) {
  for (;;) {
    int signal = 0;
    ::sigwait(&watched, &signal);
    if (signal != SIGCHLD) {
      ::kill(host, signal);
      continue;
    }
    int status = 0;
    if (::waitpid(host, &status, WNOHANG) != host) continue;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    unmount_if_dead(told);
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
