#include "audit/seen.h"

#include <utility>

namespace fusebox::audit {

// The finaliser of MurmurHash3: the low bits choose the bucket, the high ones the shard.
std::size_t Seen::Mix::operator()(const Key& key) const {
  std::uint64_t mixed = key.path_hash ^ (key.process_id * 0x9e3779b97f4a7c15U);
  mixed ^= mixed >> 33;
  mixed *= 0xff51afd7ed558ccdU;
  mixed ^= mixed >> 33;
  return mixed;
}

bool Seen::first_time(std::uint64_t process_id, std::uint64_t path_hash, std::uint16_t mark) {
  const Key key{.process_id = process_id, .path_hash = path_hash};
  Shard& shard = shards_[Mix()(key) >> 60];
  const std::scoped_lock lock(shard.mutex);
  std::uint16_t& marks = shard.marks[key];
  return (std::exchange(marks, static_cast<std::uint16_t>(marks | mark)) & mark) == 0;
}

}  // namespace fusebox::audit
