// Acting as the caller, so that permissions, owners and errors come out as natively (store layer).
//
// What is set belongs to the thread alone (raw system calls: glibc's wrappers would tell all threads).  With a caller
// other than root the thread has no CAP_DAC_OVERRIDE, CAP_FOWNER and the like while it acts (capabilities(7), "Effect
// of user ID changes").
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "fusebox/fd.h"
#include "fusebox/request.h"
#include "fusebox/result.h"

namespace fusebox {

// What becomes of a thread's supplementary groups when it has acted as somebody else.
enum class OwnGroups {
  expendable,  // those of the last caller stay: they mean nothing to a server that is root of the machine
  kept,        // in a user namespace they open what nothing else does, and cannot be had again: a deputy acts instead
};

// A request of the server itself, as whom nobody has to act.
Request own_request();

// Where supplementary groups are read.  Any thread.
class CallerGroups {
 public:
  CallerGroups() = default;
  // `proc`: an open /proc of the server's pid namespace.
  explicit CallerGroups(Fd proc, OwnGroups own = OwnGroups::expendable) : proc_(std::move(proc)), own_(own) {}

  // None for a thread that is gone or has no number here.  Remembered for a moment, per thread of the server.  Where
  // the own groups are kept, without those that the namespace does not know.
  const std::vector<gid_t>& of(const Caller& caller) const;

  // Must another thread act as the caller, because this one would lose its groups?
  bool needs_deputy(const Caller& caller) const;

 private:
  Fd proc_;
  OwnGroups own_ = OwnGroups::expendable;
};

// For the life of this object the thread acts as the caller.  Costs nothing where the caller is who the server is.
// Careful: in no coroutine.  A failing co_await leaves the frame, and this object in it, alive until the Task ends; use
// as_caller(), which also knows when a deputy is needed.
class ActAs {
 public:
  // With the caller's umask too, for what creates files.
  ActAs(const CallerGroups& groups, const Caller& caller, std::optional<mode_t> umask = std::nullopt);
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

// Has `work` done by this thread's deputy, and waits for it.  EAGAIN: there is no thread to be had.
Result<> have_deputy_do(const std::function<void()>& work);

// What `call` (which returns a Result) gives when it runs as the caller, perhaps in another thread.
template <class Call>
auto as_caller(const CallerGroups& groups, const Caller& caller, std::optional<mode_t> umask, Call&& call)
    -> decltype(call()) {
  decltype(call()) result = fail(Errno::not_permitted);
  const auto act = [&] {
    const ActAs acting(groups, caller, umask);
    result = acting.ready() ? call() : fail(acting.ready().error());
  };
  if (!groups.needs_deputy(caller)) {
    act();
  } else if (const Result<> done = have_deputy_do(std::cref(act)); !done) {
    return fail(done.error());
  }
  return result;
}

template <class Call>
auto as_caller(const CallerGroups& groups, const Caller& caller, Call&& call) -> decltype(call()) {
  return as_caller(groups, caller, std::nullopt, std::forward<Call>(call));
}

}  // namespace fusebox
