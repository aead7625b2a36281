// Processes of our own that work for the supervisor: the box's init, the mounter, who acts on events, who answers for a
// script.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox {

// Makes this process, just forked, a helper: not dumpable, killed with its parent, all signals blocked, all descriptors
// closed but `kept` and the standard ones.  False when the parent is gone already: `channel` is then closed at its
// other end.
bool become_helper(const char* name, std::vector<int> kept, int channel);

// /dev/null in place of the standard descriptors: a reader of the command's output waits for the command, not for us.
void let_go_of_standard_descriptors();

// Both ends of a new pair of sockets, close-on-exec.  What is sent arrives whole, in order, or not at all.
Result<std::pair<Fd, Fd>> datagram_pair();

// A helper that was forked while there was one thread, and the channel to it.  Whoever holds it ends it.
class Helper {
 public:
  // `name`: as ps(1) shows it.  In the helper `work` runs and the process ends when that comes back.
  static Outcome<Helper> start(const char* name, const std::function<void(Fd channel)>& work);
  Helper(Helper&& other) noexcept;
  Helper& operator=(Helper&& other) noexcept;
  ~Helper() { end(); }

  const Fd& channel() const { return channel_; }
  pid_t pid() const { return pid_; }

  // Kills it where it still lives; how it ended: "exit status 1", "signal 9".  Empty the second time.
  std::string end();

 private:
  Helper(pid_t pid, Fd channel) : pid_(pid), channel_(std::move(channel)) {}

  pid_t pid_ = -1;
  Fd channel_;
};

}  // namespace fusebox
