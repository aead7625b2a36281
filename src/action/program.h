// A program that a rule runs about an event: outside of the box, with the rights of whoever started Fusebox.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "action/retry_queue.h"
#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox::action {

// One that runs.  Its destructor ends it, and what it started in its process group.
class Program {
 public:
  // The event's line is its standard input; what it writes to standard output goes to ours for errors.  `mask`: the
  // signals that it finds blocked.
  static Result<Program> start(const std::vector<std::string>& argv, const Delivery& delivery, const sigset_t& mask);
  Program(Program&& other) noexcept;
  Program& operator=(Program&& other) noexcept;
  ~Program() { kill(); }

  // Readable once it has ended.
  int fd() const { return fd_.get(); }

  // Once it has ended: why that is no success, or nothing.
  std::optional<std::string> result();

  void kill();

 private:
  Program(pid_t pid, Fd fd) : pid_(pid), fd_(std::move(fd)) {}

  pid_t pid_ = -1;
  Fd fd_;
};

}  // namespace fusebox::action
