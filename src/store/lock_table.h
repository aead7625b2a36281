// The host's view of fcntl locks that are held through the mirror (store layer).
//
// The host knows a lock by the open file description that took it (F_OFD_SETLK, fcntl(2)), so each owner has one of its
// own for each file: locks of one owner merge and split as a process's do, those of two stand in each other's way, and
// processes outside see them.  What the host cannot see is a deadlock between owners (EDEADLK).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "fusebox/fd.h"
#include "fusebox/lock.h"
#include "fusebox/result.h"
#include "store/host_node.h"

namespace fusebox {

// Any thread.  Refers to nodes by address alone: drop() comes before a node goes.
class LockTable {
 public:
  // A description for the locks of one owner; closing the last reference gives them back.
  struct Holder {
    Fd fd;
    std::atomic<pid_t> pid;
  };

  // The holder of this owner's locks on the file of `node`; made, for that use, where there is none.
  Result<std::shared_ptr<Holder>> hold(HostNode& node, LockOwner owner, pid_t pid, HostNode::LockUse use);

  // All locks of this owner on this file end.
  void drop(const HostNode& node, LockOwner owner);

  // Somebody else who may hold a lock on it: the process of one of the other owners.
  std::optional<pid_t> another(const HostNode& node, LockOwner owner) const;

  // Are there any?  Costs nothing where nobody locks.
  bool holds(const HostNode& node) const;

 private:
  using Key = std::pair<const HostNode*, LockOwner>;

  mutable std::mutex mutex_;  // guards holders_
  std::map<Key, std::shared_ptr<Holder>> holders_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace fusebox
