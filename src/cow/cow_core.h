// What the merged nodes of one copy-on-write store share (cow layer).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "cow/cow_store.h"
#include "cow/cow_table.h"
#include "cow/overlay_format.h"
#include "store/host_core.h"
#include "store/host_node.h"

namespace fusebox {

// Both sides of the merge, and where copies are made before they get their names.
//
// Lock order: CowNode::copying_, names, opening, CowNode::mutex_, then what the host's nodes lock.
struct CowCore {
  explicit CowCore(std::unique_ptr<HostStore> below) : lower(std::move(below)) {}

  // Before anything is changed: `upper` and what follows it are there from then on, for good.
  Result<> need_upper();
  bool has_upper() const { return is_open.load(std::memory_order_acquire); }
  Outcome<> open_upper(Fd box);

  // A name in the scratch directory that nobody uses.
  std::string scratch_name() { return "c" + std::to_string(next_scratch.fetch_add(1, std::memory_order_relaxed)); }

  std::unique_ptr<HostStore> lower;
  CowNode* root = nullptr;     // the store's
  HostStoreOptions above{};    // for `upper`
  OpenChanges open_changes{};  // where it is opened by the first change
  std::mutex opening;
  bool has_failed = false;  // guarded by `opening`: it cannot be tried again
  std::atomic<bool> is_open{false};
  std::unique_ptr<HostStore> upper;
  OverlayFormat format{"trusted"};
  Ref<HostNode> upper_root;
  Ref<HostNode> scratch;  // on the file system of the upper directory; emptied when the store is made
  Ref<HostNode> index;    // a link to the copy of each lower file with several names, under what the file is
  CowTable table;
  // Whoever changes names in the upper directory holds it alone; whoever looks names up, with others.  No data is
  // copied under it.
  std::shared_mutex names;
  std::mutex making;              // one node for one file
  std::mutex moving_directories;  // see CowNode::place
  std::atomic<std::uint64_t> next_scratch{0};
};

}  // namespace fusebox
