// Keeps a process that is asked on the processor of the one that asks and waits.
//
// That processor is about to be idle.  Any other may have halted, and to wake it takes as long as the answer
// (docs/decisions/0002-readers-follow-their-callers.md).
#pragma once

#include <sched.h>
#include <sys/types.h>

namespace fusebox::hook {

// One thread at a time.  Only speed depends on it: where the kernel refuses, the process runs where it may.
class SameProcessor {
 public:
  // A process of one thread, which may run where its parent, the caller, may.
  explicit SameProcessor(pid_t process);

  // It is to run here.
  void keep_here();
  // It takes its time: anywhere.
  void let_go();

 private:
  static constexpr int kAny = -1;

  const pid_t process_;
  cpu_set_t allowed_;
  int processor_ = kAny;
};

}  // namespace fusebox::hook
