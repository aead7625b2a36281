// The signals that a supervisor passes on to its command instead of dying of them.
#pragma once

#include <signal.h>

#include <optional>

#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::box {

// A signal that came for the supervisor.
struct Arrived {
  int number = 0;
  bool from_terminal = false;  // the kernel sent it to the whole foreground process group: Ctrl-C, Ctrl-Z, a new size
};

// How the calling process treated signals before anything here touched them; for the command.
struct Dispositions {
  sigset_t mask{};
  struct sigaction child{};  // SIGCHLD's
};

// While it lives, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP and SIGWINCH are blocked and
// come out of fd(); SIGTTOU is blocked too, so that the supervisor may write to a terminal which the command owns.
// Threads started meanwhile inherit that. SIGCHLD is back at its default, or nobody could be waited for.
class SignalGate {
 public:
  // Blocks them in the calling thread.
  static Outcome<SignalGate> close();
  SignalGate(SignalGate&& other) noexcept;
  SignalGate& operator=(SignalGate&&) = delete;
  ~SignalGate();  // drops what is still pending, then all is as before, in the calling thread

  int fd() const { return fd_.get(); }  // readable when next() has something
  std::optional<Arrived> next() const;
  const Dispositions& before() const { return before_; }

 private:
  SignalGate(Fd fd, const Dispositions& before) : fd_(std::move(fd)), before_(before) {}

  Fd fd_;
  Dispositions before_;
};

// Stops this process (or with `whole_group`, its process group) as the default action of `signal` does, until somebody
// continues it. Comes back at once where nobody could: in an orphaned process group (signal(7), "job control").
void stop_here(int signal, bool whole_group);

}  // namespace fusebox::box
