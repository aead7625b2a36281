// Acting as the caller, so that permissions, owners and errors come out as natively (store layer).
//
// What is set belongs to the thread alone (raw system calls: glibc's wrappers would tell all threads).  With a caller
// other than root the thread has no CAP_DAC_OVERRIDE, CAP_FOWNER and the like while it acts (capabilities(7), "Effect
// of user ID changes").
#pragma once

#include <sys/types.h>

#include <optional>
#include <utility>
#include <vector>

#include "fusebox/fd.h"
#include "fusebox/request.h"
#include "fusebox/result.h"

namespace fusebox {

// Where supplementary groups are read.  Any thread.
class CallerGroups {
 public:
  CallerGroups() = default;
  explicit CallerGroups(Fd proc) : proc_(std::move(proc)) {}  // an open /proc of the server's pid namespace

  // None for a thread that is gone or has no number here.  Remembered for a moment, per thread of the server.
  const std::vector<gid_t>& of(const Caller& caller) const;

 private:
  Fd proc_;
};

// For the life of this object the thread acts as the caller.  Costs nothing where the caller is who the server is.
// Careful: in no coroutine.  A failing co_await leaves the frame, and this object in it, alive until the Task ends; use
// as_caller().
class ActAs {
 public:
  ActAs(const CallerGroups& groups, const Caller& caller);
  // With the caller's umask too, for what creates files.
  ActAs(const CallerGroups& groups, const Caller& caller, mode_t umask);
  ActAs(const ActAs&) = delete;
  ActAs& operator=(const ActAs&) = delete;
  ~ActAs();

  // EPERM where the server lacks the right to act as the caller: then do nothing.
  Result<> ready() const { return ready_; }

 private:
  void become(const CallerGroups& groups, const Caller& caller);
  void set_umask(mode_t umask);

  Result<> ready_;
  bool has_user_ = false;
  bool has_group_ = false;
  std::optional<mode_t> old_umask_;
};

// What `call` (which returns a Result) gives when it runs as the caller.
template <class Call>
auto as_caller(const CallerGroups& groups, const Caller& caller, Call&& call) -> decltype(call()) {
  const ActAs acting(groups, caller);
  if (!acting.ready()) return fail(acting.ready().error());
  return std::forward<Call>(call)();
}

template <class Call>
auto as_caller(const CallerGroups& groups, const Caller& caller, mode_t umask, Call&& call) -> decltype(call()) {
  const ActAs acting(groups, caller, umask);
  if (!acting.ready()) return fail(acting.ready().error());
  return std::forward<Call>(call)();
}

}  // namespace fusebox
