// Which way the data of an open file goes (store layer).
//
// The kernel refuses to mix passthrough and cached opens of one inode (EIO; fs/fuse/iomode.c), so the choice is the
// inode's while it is open, and free only when it is closed.
#pragma once

#include <cstdint>

#include "fusebox/node.h"

namespace fusebox {

// From this size on, reading through the backing file saves more than it costs.  A passthrough read makes the kernel
// drop the attributes it knows (atime), so that each fstat(2) afterwards is a round trip; a cached read of less than
// this is a few requests of up to 1 MiB, and none at all the second time.
inline constexpr std::uint64_t kLargeFile = std::uint64_t{4} * 1024 * 1024;

struct DataPathQuestion {
  bool writes = false;             // O_WRONLY, O_RDWR or O_TRUNC
  std::uint64_t size = 0;          // bytes
  bool can_pass_through = false;   // somebody registers backing files
  bool has_set_id = false;         // set-user-id, or set-group-id with group execution
  bool is_unchanged = false;       // since the kernel last began to cache it
  std::uint32_t cached_opens = 0;  // as the kernel has them
  std::uint32_t passthrough_opens = 0;
};

// A file with set-id bits is never written through its backing file: the kernel leaves it to us to drop them
// (FUSE_HANDLE_KILLPRIV_V2).  Bits that come while a file is open this way go with any write, root's too: what the
// kernel writes to the backing file, it writes without the right to keep them (door/backing_files.cc).
DataPath choose_data_path(const DataPathQuestion& question);

}  // namespace fusebox
