// The threads that serve one /dev/fuse connection.
//
// As many readers wait for requests as the callers need: one, awake, where they call one at a time; one on each
// processor where several call at once; and another for each reader that a slow operation holds up, so that one blocked
// request never stops the others.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fault.h"
#include "base/fd.h"
#include "dispatch/session.h"
#include "door/dev_fuse.h"

namespace fusebox::dispatch {

enum class Processors {
  keep_awake,  // idle ones do not halt while requests come fast (door/awake_processors.h)
  let_halt,
};

class Server {
 public:
  // Starts serving; `device` is the connected /dev/fuse, and `session` outlives the server.
  static Outcome<std::unique_ptr<Server>> start(Session& session, const Fd& device, Processors processors);

  // Waits for the connection to end: unmount it, or abort it, first.
  ~Server();

  // Waits for the connection to end.
  void join();

 private:
  struct Reader;

  Server(Session& session, const Fd& device);
  void add_reader(Fd queue);
  void read_on(Reader& reader);
  bool wait_until_wanted(const Reader& reader);
  void want_readers_for_callers();
  void set_wanted(unsigned wanted);
  void place(Reader& reader);
  void end();
  void watch(Processors processors);
  unsigned count_blocked(std::int64_t now) const;

  Session& session_;
  const Fd& device_;
  const std::vector<int> processors_;  // that we may run on
  door::CallerPattern callers_;

  std::atomic<unsigned> base_{1};    // readers that the callers need
  std::atomic<unsigned> wanted_{1};  // and with those for the blocked ones; readers from this number on sleep
  std::atomic<bool> ended_{false};
  std::mutex mutex_;  // guards readers_ and the waiting
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::thread watcher_;
};

}  // namespace fusebox::dispatch
