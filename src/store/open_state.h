// What a node remembers of its opens (store layer).
#pragma once

#include <cstdint>
#include <optional>

#include "store/file_status.h"

namespace fusebox {

// Contents that the kernel may still have in its page cache.
struct ContentStamp {
  statx_timestamp mtime{};
  statx_timestamp ctime{};
  std::uint64_t size = 0;

  static ContentStamp of(const FileStatus& status) { return {status.stx_mtime, status.stx_ctime, status.stx_size}; }

  bool operator==(const ContentStamp& other) const {
    return size == other.size && mtime.tv_sec == other.mtime.tv_sec && mtime.tv_nsec == other.mtime.tv_nsec &&
           ctime.tv_sec == other.ctime.tv_sec && ctime.tv_nsec == other.ctime.tv_nsec;
  }
};

// Guarded by the node.
struct OpenState {
  std::uint32_t cached = 0;           // opens that are not yet released
  std::uint32_t passthrough = 0;      // the same
  std::int32_t backing_id = 0;        // 0: none
  bool keeps_backing_id = false;      // beyond the last close
  bool is_listed_idle = false;        // in BackingIds
  std::optional<ContentStamp> stamp;  // at the last cached open, where a change since can be told
};

}  // namespace fusebox
