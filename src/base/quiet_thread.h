// Threads that no signal reaches: signals are for the thread that waits for the box.
#pragma once

#include <signal.h>

#include <thread>
#include <utility>

namespace fusebox {

// Throws what std::thread throws.
std::thread start_without_signals(auto function) {
  struct Blocked {
    Blocked() {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~Blocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    sigset_t before;
  };
  const Blocked blocked;
  return std::thread(std::move(function));
}

}  // namespace fusebox
