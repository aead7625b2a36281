#include "seccomp/tracer.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <ctime>
#include <utility>

namespace fusebox::seccomp {
namespace {

constexpr long kOptions = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;

// NOLINTNEXTLINE(performance-no-int-to-ptr): ptrace(2) takes numbers in the place of pointers
void* as_pointer(long number) { return reinterpret_cast<void*>(number); }

pid_t wait_for(pid_t pid, int& status) {
  pid_t changed = 0;
  do {
    changed = waitpid(pid, &status, __WALL);
  } while (changed < 0 && errno == EINTR);
  return changed;
}

bool is_job_control(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

// In rounds of a millisecond; whom we do not get hold of in that time, the kernel lets go at our end.
constexpr int kPatience = 2000;

// True when `pid` is traced no more.
bool let_go(pid_t pid) {
  int status = 0;
  const pid_t changed = waitpid(pid, &status, __WALL | WNOHANG);
  if (changed == 0) return false;
  if (changed == pid && WIFSTOPPED(status)) {
    const bool by_signal = status >> 16 == 0;
    ptrace(PTRACE_DETACH, pid, nullptr, as_pointer(by_signal ? WSTOPSIG(status) : 0));
  }
  return true;
}

std::optional<TracedCall> call_of(pid_t pid) {
  __ptrace_syscall_info info{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, as_pointer(static_cast<long>(sizeof info)), &info) <= 0) return std::nullopt;
  return TracedCall{.pid = pid,
                    .number = static_cast<int>(info.seccomp.nr),
                    .datum = static_cast<std::uint16_t>(info.seccomp.ret_data)};
}

}  // namespace

Result<Tracer> Tracer::attach(pid_t pid) {
  // Not PTRACE_ATTACH: that stops the process by a signal, which cannot be told from others'.
  if (ptrace(PTRACE_SEIZE, pid, nullptr, as_pointer(kOptions)) != 0) return fail_with_errno();
  return Tracer(pid);
}

Result<std::optional<TracedCall>> Tracer::next() {
  if (const pid_t pid = std::exchange(waiting_, 0); pid != 0) ptrace(PTRACE_CONT, pid, nullptr, nullptr);
  for (;;) {
    int status = 0;
    const pid_t pid = wait_for(-1, status);
    if (pid < 0) return fail_with_errno();
    if (WIFSTOPPED(status)) {
      traced_.insert(pid);
      status_ = status;
      if (const auto call = handle_stop(pid)) return call;
      continue;
    }
    traced_.erase(pid);
    if (pid != first_) continue;
    status_ = status;
    release();
    return std::nullopt;
  }
}

std::optional<TracedCall> Tracer::handle_stop(pid_t pid) {
  const int signal = WSTOPSIG(status_);
  const int event = status_ >> 16;
  if (event == PTRACE_EVENT_SECCOMP) {
    const auto call = call_of(pid);
    if (call) waiting_ = pid;
    return call;  // nothing: it was killed meanwhile
  }
  if (event == PTRACE_EVENT_STOP && is_job_control(signal)) {
    ptrace(PTRACE_LISTEN, pid, nullptr, nullptr);  // it stays stopped until SIGCONT, as without us
  } else {
    ptrace(PTRACE_CONT, pid, nullptr, as_pointer(event == 0 ? signal : 0));
  }
  return std::nullopt;
}

void Tracer::release() {
  if (const pid_t pid = std::exchange(waiting_, 0); pid != 0) {
    ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
    traced_.erase(pid);
  }
  // Only one that is stopped can be let go; and one that waits for its vfork() stops when that child has gone on, so
  // all are asked before any is waited for.
  for (const pid_t pid : traced_) ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
  for (int patience = kPatience; !traced_.empty() && patience > 0; --patience) {
    if (std::erase_if(traced_, let_go) > 0) continue;
    const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    nanosleep(&pause, nullptr);
  }
}

}  // namespace fusebox::seccomp
