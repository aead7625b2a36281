#include "action/program.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace fusebox::action {
namespace {

constexpr int kNotFound = 127;
constexpr int kCannotExecute = 126;

Result<Fd> input_of(const std::string& json) {
  Fd file(::memfd_create("event", MFD_CLOEXEC));
  if (!file) return fail_with_errno();
  const std::string text = json + "\n";
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return fail(Errno::io);
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_with_errno();
  return file;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Ours, but for what it is to say about the event.
std::vector<std::string> environment_with(const std::vector<std::string>& ours) {
  std::vector<std::string> all = ours;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('=') + 1);
    bool is_ours = false;
    for (const std::string& own : ours) is_ours = is_ours || std::string_view(own).starts_with(name);
    if (!is_ours) all.emplace_back(text);
  }
  return all;
}

[[noreturn]] void become_program(const std::vector<char*>& argv, const std::vector<char*>& environment, int input,
                                 const sigset_t& mask) {
  ::setpgid(0, 0);
  // With the helper goes what it started.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::dup2(input, STDIN_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execvpe(argv[0], argv.data(), environment.data());
  ::_exit(errno == ENOENT ? kNotFound : kCannotExecute);
}

}  // namespace

Result<Program> Program::start(const std::vector<std::string>& argv, const Delivery& delivery, const sigset_t& mask) {
  const Result<Fd> input = input_of(delivery.json);
  if (!input) return fail(input.error());
  const std::vector<std::string> environment = environment_with(delivery.environment);
  const std::vector<char*> arguments = pointers_to(argv);
  const std::vector<char*> variables = pointers_to(environment);
  const pid_t pid = ::fork();
  if (pid < 0) return fail_with_errno();
  if (pid == 0) become_program(arguments, variables, input->get(), mask);
  ::setpgid(pid, pid);  // whichever of us comes first
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  Program program(pid, std::move(fd));
  if (!program.fd_) return fail_with_errno();
  return program;
}

Program::Program(Program&& other) noexcept : pid_(std::exchange(other.pid_, -1)), fd_(std::move(other.fd_)) {}

Program& Program::operator=(Program&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(fd_, other.fd_);
  return *this;
}

std::optional<std::string> Program::result() {
  int status = 0;
  const pid_t pid = std::exchange(pid_, -1);
  if (::waitpid(pid, &status, 0) != pid) return "lost";
  if (WIFSIGNALED(status)) return std::string("ended by SIG") + ::sigabbrev_np(WTERMSIG(status));
  if (WEXITSTATUS(status) == 0) return std::nullopt;
  if (WEXITSTATUS(status) == kNotFound) return "exit status 127, as where it was not found";
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

void Program::kill() {
  if (pid_ <= 0) return;
  const pid_t pid = std::exchange(pid_, -1);
  ::kill(-pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace fusebox::action
