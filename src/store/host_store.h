// The host mirror: a directory of the host and everything below it, as nodes (store layer).
//
// Everything is reached by descriptors from the root: one component at a time, never following a symlink, never by an
// absolute path.  Descriptors are few however many nodes there are; docs/inode-lifetime.md says how.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "fusebox/backing.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "fusebox/node.h"
#include "fusebox/outside_objects.h"
#include "store/inode_numbers.h"

namespace fusebox {

// Another directory shown at a path of the tree, as a mount point would.
struct Graft {
  std::string path;  // from the tree's root, such as "/tmp"; must exist there as a directory
  Fd directory;
};

// Whose permissions count, and who checks them.
enum class KnownUsers {
  // The server may act as anybody, and the kernel has checked the caller's permissions above it, by what is shown here.
  all,
  // The server has the rights of the only user there is, no more (box/rights.h), and nobody checks permissions above
  // it: the host does, at each operation.
  one,
  // The server is root of a user namespace that knows some users.  The kernel checks above it, by owners that are not
  // the whole truth, and the host again, at each operation.
  some,
};

// Whoever may open a device node on the host is past every rule, so a mirror with rules makes none there.
enum class DeviceNodes {
  refused,
  in_grafts,  // nowhere else
  made,
};

struct HostStoreOptions {
  Validity entry_validity = std::chrono::seconds{1};
  Validity attr_validity = std::chrono::seconds{1};
  Validity negative_validity{};  // zero: absence is not remembered
  // For nodes; each open file and directory may hold one more.
  std::size_t max_descriptors = 4096;
  Backing* backing = nullptr;  // outlives the store; null: no passthrough
  DeviceNodes device_nodes = DeviceNodes::refused;
  KnownUsers users = KnownUsers::all;         // where not all, owners without an id here are shown as the server's user
  OutsideObjects* outside_objects = nullptr;  // outlives the store; null: FIFOs and sockets are mirrored only
  std::vector<Graft> grafts;
  std::shared_ptr<InodeNumbers> numbers{};  // of several stores that one tree shows; null: its own
};

struct HostStoreStats {
  std::size_t descriptors = 0;  // held for nodes
  std::size_t nodes = 0;
};

struct HostCore;

// Outlives its nodes and handles.  Operations may come from any number of threads; each is done when it returns (none
// waits, but for a getattr that shows objects of outside first).  The process may change neither its uid nor its gid
// afterwards.
class HostStore {
 public:
  // `root`: a directory, O_PATH or not.  Fails where /proc is not there, or a graft's place is not.
  static Outcome<std::unique_ptr<HostStore>> create(Fd root, HostStoreOptions options);
  ~HostStore();

  Ref<Node> root() const { return root_; }
  HostStoreStats stats() const;

 private:
  HostStore() = default;

  std::unique_ptr<HostCore> core_;
  Ref<Node> root_;
};

}  // namespace fusebox
