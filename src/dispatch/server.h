// The threads that serve one /dev/fuse connection.
#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "base/fault.h"
#include "base/fd.h"
#include "dispatch/session.h"
#include "door/dev_fuse.h"

namespace fusebox::dispatch {

struct ServerOptions {
  unsigned threads = 0;                            // 0: as measured best for this machine
  std::chrono::nanoseconds spin{0};
  bool pin = false;
};

class Server {
 public:
  // Starts serving; `device` is the connected /dev/fuse.
  static Outcome<std::unique_ptr<Server>> start(Session& session, const Fd& device, ServerOptions options);

  // Waits for the connection to end: unmount it, or abort it, first.
  ~Server();

  // Waits for the connection to end.
  void join();

 private:
  Server() = default;
  std::vector<std::unique_ptr<door::DevFuseChannel>> channels_;
  std::vector<std::thread> threads_;
};

}  // namespace fusebox::dispatch
