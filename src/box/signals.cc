#include "box/signals.h"

#include <sys/signalfd.h>

#include <array>

namespace fusebox::box {
namespace {

constexpr std::array kPassedOn = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH};

sigset_t passed_on() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kPassedOn) sigaddset(&set, signal);
  return set;
}

}  // namespace

Outcome<SignalGate> SignalGate::close() {
  const sigset_t watched = passed_on();
  Fd fd(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return std::unexpected(fault_with_errno("watch for signals"));
  Dispositions before;
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &standard, &before.child);
  sigset_t blocked = watched;
  sigaddset(&blocked, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &blocked, &before.mask);
  return SignalGate(std::move(fd), before);
}

SignalGate::SignalGate(SignalGate&& other) noexcept : fd_(std::move(other.fd_)), before_(other.before_) {}

SignalGate::~SignalGate() {
  if (!fd_) return;
  // A second Ctrl-C was meant for the command that is gone, not for who reports its end.
  while (next()) {
  }
  sigaction(SIGCHLD, &before_.child, nullptr);
  pthread_sigmask(SIG_SETMASK, &before_.mask, nullptr);
}

std::optional<Arrived> SignalGate::next() const {
  signalfd_siginfo information{};
  if (read(fd_.get(), &information, sizeof information) != static_cast<ssize_t>(sizeof information))
    return std::nullopt;
  return Arrived{.number = static_cast<int>(information.ssi_signo), .from_terminal = information.ssi_code == SI_KERNEL};
}

void stop_here(int signal, bool whole_group) {
  struct sigaction standard{};
  struct sigaction before{};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, &before);
  kill(whole_group ? 0 : getpid(), signal);
  // It is delivered in this thread, as all others have it blocked, before sigprocmask returns.
  sigset_t only;
  sigset_t mask;
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, &mask);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  sigaction(signal, &before, nullptr);
}

}  // namespace fusebox::box
