// The threads that serve one connection of the kernel: by its io_uring queues where there are any, else by /dev/fuse.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "dispatch/reader_pool.h"
#include "door/ring_channel.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::dispatch {

enum class Processors {
  keep_awake,  // idle ones do not halt while requests come fast (door/awake_processors.h)
  let_halt,
};

enum class Readers {
  as_callers_need,  // of /dev/fuse; see docs/decisions/0002-readers-follow-their-callers.md
  one,              // and more only for blocked ones
};

struct ServerOptions {
  // By processor the channels that serve its queue, or nothing.  With any, the session asks for io_uring.
  door::Rings rings;
  Readers readers = Readers::as_callers_need;
  Processors processors = Processors::keep_awake;
};

class Server {
 public:
  // Starts serving; `device` is the connected /dev/fuse; it and `session` outlive the server.
  static Outcome<std::unique_ptr<Server>> start(Session& session, const Fd& device, ServerOptions options);

  // Waits for the connection to end: unmount it, or abort it, first.  Ends the session.
  ~Server();

  // Waits for the connection to end.
  void join();

 private:
  class DeviceReaders;
  class RingReaders;

  Server(Session& session, const Fd& device, ServerOptions options);
  void start_rings();
  void watch();
  void end();

  Session& session_;
  const Processors processors_;
  std::unique_ptr<DeviceReaders> device_readers_;
  std::vector<std::unique_ptr<RingReaders>> ring_readers_;
  std::atomic<bool> rings_started_{false};

  std::mutex mutex_;  // guards the watcher's sleep
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread watcher_;
};

}  // namespace fusebox::dispatch
