#include "cli/script_graft.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/descriptor_message.h"
#include "cli/script_host.h"

namespace fusebox::cli {
namespace {

constexpr int kPatience = 30'000;  // milliseconds until a script has come to FUSE.run

// The descriptor that the other side sends; none where it closed instead.
Fd wait_for_descriptor(const Fd& socket) {
  pollfd readable{.fd = socket.get(), .events = POLLIN, .revents = 0};
  if (::poll(&readable, 1, kPatience) <= 0) return Fd();
  return receive_descriptor(socket.get()).value_or(Fd());
}

// The child's side.  It keeps nothing of the supervisor's but what it writes to, and hears no key of the terminal: the
// box's command does, and the script ends with the box.
[[noreturn]] void host(const std::string& file, const Fd& socket, pid_t supervisor) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) ::_exit(1);
  ::setpgid(0, 0);
  const int kept = ::fcntl(socket.get(), F_DUPFD_CLOEXEC, 3);
  const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(kept, 3);
  ::close_range(4, ~0U, 0);
  ScriptOptions options;
  options.file = file;
  options.hand_over = 3;
  ::_exit(run_script(options));
}

}  // namespace

Outcome<Graft> ScriptHosts::start(const std::string& wanted) {
  const std::size_t equals = wanted.find('=');
  if (equals == std::string::npos || !wanted.starts_with('/')) {
    return std::unexpected(Fault{.what = "--script " + wanted,
                                 .why = "not of the form /MOUNTPOINT=FILE.rb",
                                 .remedy = "name an existing directory by its absolute path",
                                 .code = ExitCode::usage});
  }
  const std::string file = wanted.substr(equals + 1);
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(fault_with_errno("socketpair"));
  }
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t supervisor = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return std::unexpected(fault_with_errno("fork"));
  if (child == 0) host(file, theirs, supervisor);
  hosts_.push_back(child);
  theirs.reset();
  Fd root = wait_for_descriptor(ours);
  if (!root) {
    return std::unexpected(
        Fault{.what = "--script " + wanted, .why = "the script serves nothing", .remedy = "it must call FUSE.run"});
  }
  return Graft{.path = wanted.substr(0, equals), .directory = std::move(root)};
}

ScriptHosts::~ScriptHosts() {
  for (const pid_t host : hosts_) {
    ::kill(host, SIGKILL);
    while (::waitpid(host, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

}  // namespace fusebox::cli
