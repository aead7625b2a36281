// Threads that no signal reaches: signals are for the thread that waits for the box.
#pragma once

#include <signal.h>

#include <thread>
#include <utility>

namespace fusebox {

std::thread start_without_signals(auto function) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(function));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace fusebox
