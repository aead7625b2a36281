// Which process already did what to which path: what level `files` needs to record it once.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "audit/recent.h"

namespace fusebox::audit {

// Any thread may ask.  Bounded (about 260,000 pairs of process and path): what it forgets is recorded again, never
// lost.
class Seen {
 public:
  // Is this the first time?  `mark` is one bit.
  bool first_time(std::uint64_t process_id, std::uint64_t path_hash, std::uint16_t mark);

 private:
  struct Key {
    std::uint64_t process_id;
    std::uint64_t path_hash;
    bool operator==(const Key&) const = default;
  };
  struct Mix {
    std::size_t operator()(const Key& key) const;
  };
  struct alignas(64) Shard {
    std::mutex mutex;
    Recent<Key, std::uint16_t, Mix> marks{8192};
  };

  std::array<Shard, 16> shards_;
};

}  // namespace fusebox::audit
