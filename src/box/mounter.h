// A process that can still mount in a box that runs: in the box's mount namespace, but not in its pid namespace and not
// under its filter. The box can neither name, signal nor trace it; a path it walks can at worst lead it to another
// place of the same box.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

#include "box/message.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::box {

// Any thread may call bind(); one request at a time, others wait for their turn.
class Mounter {
 public:
  // Forks it, for the box with the mount namespace `mounts` (its file in /proc/PID/ns). Before the supervisor has
  // threads.
  static Outcome<Mounter> spawn(const Fd& mounts);
  Mounter(Mounter&& other) noexcept;
  Mounter& operator=(Mounter&&) = delete;
  ~Mounter() { end(); }

  pid_t pid() const { return pid_.load(std::memory_order_relaxed); }  // any thread; -1 once it was ended

  // Mounts `source`, detached, over the existing `path` of the box. See Child::bind. The first one joins the mount
  // namespace, so the box's root has to be in place by then.
  Outcome<> bind(Fd source, const std::string& path, std::chrono::milliseconds patience);

  // Takes off what bind() mounted on `path`, even while somebody uses it. See Child::unbind.
  Outcome<> unbind(const std::string& path, std::chrono::milliseconds patience);

  // Begins to end it. Then bind() and unbind() fail.
  void kill() const;

  // Ends it, and with it the last hold on the box's mounts. Harmless when it has ended.
  void end();

 private:
  Mounter(pid_t pid, Fd channel) : pid_(pid), channel_(std::move(channel)) {}

  Outcome<> ask(Message request, const std::string& what, std::chrono::milliseconds patience);

  std::atomic<pid_t> pid_ = -1;
  Fd channel_;
  std::mutex turn_;  // guards the channel and sequence_
  std::uint32_t sequence_ = 0;
};

}  // namespace fusebox::box
