// Which process is behind a thread id: thread group and executable, remembered so that a request costs no /proc
// look-up.
#pragma once

#include <memory>
#include <string_view>

#include "audit/event.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::audit {

// Any thread may ask.  Ask while the caller waits for its request: it cannot go away then.
//
// What is known of a thread is trusted for a second, which is less than it takes until its number is used again, and
// then compared with /proc.  Without the right to trace the process (ptrace(2), "access mode checking") an exec of the
// same program again goes unnoticed.  Bounded (about 32,000 threads): who was forgotten is a new Process.
class ProcessTable {
 public:
  // Holds a descriptor of /proc, opened before any box exists.
  static Outcome<std::unique_ptr<ProcessTable>> create();
  ~ProcessTable();

  // Never null; for tid 0, and for a thread that is gone, a Process with empty exe.  `executes` is the path of the file
  // that the thread opens to execute it, if that is what it does.
  std::shared_ptr<const Process> find(pid_t tid, std::string_view executes = {});

  // The thread is about to execute something: /proc is read each time it asks, until its executable has changed or a
  // second is over.  Call it for the program and for its interpreter, before the open of the file is answered.
  void executes(pid_t tid);

 private:
  class Impl;
  explicit ProcessTable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusebox::audit
