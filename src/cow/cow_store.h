// A mirror whose changes are kept aside: the host below, an upper directory in overlayfs's format above (cow layer).
//
// docs/decisions/0007-copy-on-write.md says what is decided, and where it differs from overlayfs.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cow/overlay_format.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "fusebox/node.h"
#include "store/host_store.h"

namespace fusebox {

struct CowCore;

// Gives the directory of a box.  In any thread, once it has worked not again.
using OpenChanges = std::function<Outcome<Fd>()>;

// Outlives its nodes and handles.  Threads as HostStore; an operation that changes a file may first copy it, and holds
// up its thread for that long.
class CowStore {
 public:
  // `root` is what is shown, `box` a directory with "upper" and "work" in it, on a file system that keeps extended
  // attributes.  Nobody else changes what is in `box` meanwhile.  `options` as for the mirror; grafts are not merged:
  // what is written there stays there.  Device nodes are made in `box` and in grafts alone, and never a character
  // device 0/0, which means that a file was removed (EPERM).
  static Outcome<std::unique_ptr<CowStore>> create(Fd root, Fd box, HostStoreOptions options);
  // The same with a new box that is opened, and made, by the first change: until then there is none, and names cost
  // next to nothing more than in the mirror.  A change for which there can be none is refused (EACCES).
  static Outcome<std::unique_ptr<CowStore>> create(Fd root, OpenChanges open, HostStoreOptions options);
  ~CowStore();

  Ref<Node> root() const { return root_; }
  HostStoreStats stats() const;
  const std::string& xattr_prefix() const;  // "trusted" or "user"; of a box that is open

  // The same node for what may go to the host: changes of what the upper directory does not hold yet happen in the
  // layer below.  What is no merged node is returned as it is.
  static Ref<Node> in_place(const Ref<Node>& node);

 private:
  CowStore() = default;

  std::unique_ptr<CowCore> core_;
  Ref<Node> root_;
};

}  // namespace fusebox
