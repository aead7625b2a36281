// What ends the serving of a file system: a signal, a hook that calls exit, or the end of the mount itself.
#pragma once

#include <signal.h>

#include <atomic>
#include <chrono>
#include <optional>

#include "fusebox/fd.h"

namespace fusebox::script {

class Ending {
 public:
  enum class Event : unsigned char { asked, unmounted, none };

  // Takes SIGINT, SIGTERM and SIGHUP, in threads that are started from now on too; gives them back when destroyed.
  Ending();
  ~Ending();
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

  // Any thread.
  void ask(int status);
  void unmounted();

  // The status that exit was called with.
  std::optional<int> status() const;

  // What happened first within the time.
  Event wait(std::chrono::milliseconds patience);

 private:
  static constexpr int kNotAsked = -1;

  sigset_t before_{};
  Fd signals_;
  Fd asked_;
  Fd unmounted_;
  std::atomic<int> status_{kNotAsked};
};

}  // namespace fusebox::script
