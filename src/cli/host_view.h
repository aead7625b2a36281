// The host's file system, guarded and served: what `fusebox run` and `fusebox mirror` have in common.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "box/rights.h"
#include "cow/cow_store.h"
#include "fusebox/fault.h"
#include "fusebox/mount.h"
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

struct HostViewOptions {
  std::vector<Graft> grafts;
  // The directory of a box: changes are kept there, beside the host.  Or how to open one, at the first change. Neither:
  // they go to the host.
  Fd changes;
  OpenChanges open_changes = nullptr;
  Freshness freshness = Freshness::within_a_second;
  Transport transport = Transport::automatic;
  IdleProcessors idle_processors = IdleProcessors::keep_awake;
  KnownUsers users = KnownUsers::all;  // see HostStoreOptions
  bool makes_device_nodes = false;     // with a guard: for changes that are all kept aside; without one they are made
  guard::Guard* guard = nullptr;       // null: an unguarded mirror
  OutsideObjects* outside = nullptr;   // null: FIFOs and sockets are mirrored only
};

// Whose permissions count in a mirror made with these rights.
KnownUsers users_of(const box::Rights& rights);

// A mirror and its mount.  Its destructor waits for the connection to end: what is mounted elsewhere must be gone by
// then.
class HostView {
 public:
  ~HostView();

  // Everything but the threads; nobody serves yet.
  static Outcome<std::unique_ptr<HostView>> prepare(Fd root, HostViewOptions options);

  Ref<Node> root() const { return root_; }
  // Null: changes go to the host.
  const CowStore* changes() const { return cow_.get(); }
  Mount& mount() { return *mount_; }

  // What it did and holds, as a line of JSON.
  std::string state() const;

 private:
  HostView() = default;

  HostStoreStats stats() const { return cow_ ? cow_->stats() : store_->stats(); }

  std::unique_ptr<Mount> mount_;
  std::unique_ptr<HostStore> store_;  // one of the two
  std::unique_ptr<CowStore> cow_;
  Ref<Node> root_;
};

}  // namespace fusebox::cli
