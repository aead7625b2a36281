// The host's file system, guarded and served: what `fusebox run` and `fusebox mirror` have in common.
#pragma once

#include <sys/resource.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fault.h"
#include "dispatch/server.h"
#include "door/backing_files.h"
#include "door/mount.h"
#include "guard/guard.h"
#include "store/host_store.h"

namespace fusebox::cli {

enum class Freshness {
  within_a_second,  // the kernel may answer from memory for up to a second
  at_once,          // it asks every time
};

// How many descriptors the mirror may keep open, of what RLIMIT_NOFILE allows (the soft limit is raised to the hard
// one).
std::size_t descriptor_budget();

// How requests come from the kernel.
enum class Transport {
  automatic,      // io_uring where the kernel offers it and it is the faster one, else /dev/fuse
  io_uring,       // a fault where the kernel does not offer it
  dev_fuse,       // as many readers as the callers need
  single_reader,  // of /dev/fuse
};

struct HostViewOptions {
  std::vector<Graft> grafts;
  Freshness freshness = Freshness::within_a_second;
  Transport transport = Transport::automatic;
  dispatch::Processors processors = dispatch::Processors::keep_awake;
  guard::Guard* guard = nullptr;      // null: an unguarded mirror
  OutsideObjects* outside = nullptr;  // null: FIFOs and sockets are mirrored only
};

// A served mirror.  Its destructor waits for the connection to end: what is mounted elsewhere must be gone by then.
class HostView {
 public:
  ~HostView();

  // Starts the server's threads.
  static Outcome<std::unique_ptr<HostView>> serve(Fd root, HostViewOptions options);

  Fd take_mount() { return std::move(mount_.mount); }
  void wait_for_end() { server_->join(); }
  const dispatch::Session& session() const { return *session_; }

 private:
  HostView() = default;

  door::DetachedMount mount_;
  std::unique_ptr<door::BackingFiles> backing_;
  std::unique_ptr<HostStore> store_;
  std::unique_ptr<dispatch::Session> session_;
  std::unique_ptr<dispatch::Server> server_;
};

}  // namespace fusebox::cli
