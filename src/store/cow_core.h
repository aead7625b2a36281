// What the merged nodes of one copy-on-write store share (store layer).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "store/cow_table.h"
#include "store/host_core.h"
#include "store/host_node.h"
#include "store/overlay_format.h"

namespace fusebox {

// Both sides of the merge, and where copies are made before they get their names.
//
// Lock order: CowNode::copying_, names, CowNode::mutex_, then what the host's nodes lock.
struct CowCore {
  CowCore(std::unique_ptr<HostStore> below, std::unique_ptr<HostStore> above, OverlayFormat marks)
      : lower(std::move(below)), upper(std::move(above)), format(std::move(marks)) {}

  // A name in the scratch directory that nobody uses.
  std::string scratch_name() { return "c" + std::to_string(next_scratch.fetch_add(1, std::memory_order_relaxed)); }

  std::unique_ptr<HostStore> lower;
  std::unique_ptr<HostStore> upper;
  OverlayFormat format;
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
