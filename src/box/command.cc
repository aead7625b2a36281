#include "box/command.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "box/capabilities.h"
#include "box/terminal.h"

namespace fusebox::box {
namespace {

bool exists(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0;
}

Fault not_found(const std::string& name) {
  if (name.find('/') == std::string::npos) {
    const char* path = std::getenv("PATH");
    return Fault{.what = name,
                 .why = "not found in PATH",
                 .remedy = path != nullptr ? "PATH is " + std::string(path) : "PATH is not set",
                 .code = ExitCode::not_found};
  }
  if (exists(name)) {
    return Fault{.what = name,
                 .why = "its interpreter was not found",
                 .remedy = "see its first line, or for a binary, `file` and `ldd`",
                 .code = ExitCode::not_found};
  }
  return Fault{.what = name, .why = std::strerror(ENOENT), .remedy = {}, .code = ExitCode::not_found};
}

Fault exec_fault(const std::string& name, int error) {
  if (error == ENOENT || error == ENOTDIR) return not_found(name);
  Fault fault{.what = "execute " + name, .why = std::strerror(error), .remedy = {}, .code = ExitCode::cannot_execute};
  if (error == EACCES) fault.remedy = "is it an executable file, and does the policy let it be read?";
  return fault;
}

}  // namespace

Fault become_command(const CommandPlan& plan) {
  if (setpgid(0, 0) != 0) return fault_with_errno("give the command a process group");
  give_terminal(plan.terminal, getpid());
  if (auto dropped = drop_capabilities(plan.device_nodes); !dropped) return dropped.error();
  if (auto filtered = apply_filter(plan.filter); !filtered) return filtered.error();
  if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    return fault_with_errno("close descriptors", "needs Linux 5.11");
  }
  for (const int fd : plan.inherited) fcntl(fd, F_SETFD, 0);
  std::vector<char*> arguments;
  arguments.reserve(plan.command.size() + 1);
  for (const std::string& argument : plan.command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  sigaction(SIGCHLD, &plan.dispositions.child, nullptr);
  pthread_sigmask(SIG_SETMASK, &plan.dispositions.mask, nullptr);
  // The last of all: it may refuse what was called above, and even the exec.
  if (!plan.own_filter.program.empty()) {
    auto filtered = apply_filter(plan.own_filter.program, plan.own_filter.is_logged);
    if (!filtered) return filtered.error();
  }
  execvp(arguments[0], arguments.data());
  return exec_fault(plan.command[0], errno);
}

}  // namespace fusebox::box
