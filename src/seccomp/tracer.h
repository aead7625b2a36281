// Follows a process and all that it starts, and stops each of their calls that a filter gives to a tracer
// (ActionKind::trace).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "fusebox/result.h"

namespace fusebox::seccomp {

// A call that waits, before it was done, until next() or release().
struct TracedCall {
  pid_t pid = 0;  // of the thread
  int number = 0;
  std::uint16_t datum = 0;  // of its rule
};

// For one thread; its destructor is release().  While it lives, the ends of the caller's other children are lost to it:
// the kernel has no wait for "all whom I trace".
class Tracer {
 public:
  static Result<Tracer> attach(pid_t pid);
  Tracer(Tracer&& other) noexcept
      : first_(other.first_), traced_(std::exchange(other.traced_, {})), waiting_(std::exchange(other.waiting_, 0)) {}
  Tracer& operator=(Tracer&&) = delete;
  ~Tracer() { release(); }

  // Lets the last call go on, and waits for the next.  Nothing: the first process has ended; see status().
  Result<std::optional<TracedCall>> next();

  // As wait(2) gives it: how the first process ended, or the stop of the last call.
  int status() const { return status_; }

  // Lets all go on untraced; calls that would be traced fail from then on, with ENOSYS.
  void release();

 private:
  explicit Tracer(pid_t first) : first_(first), traced_{first} {}

  std::optional<TracedCall> handle_stop(pid_t pid);

  const pid_t first_;
  std::set<pid_t> traced_;
  pid_t waiting_ = 0;  // whose call waits
  int status_ = 0;
};

}  // namespace fusebox::seccomp
