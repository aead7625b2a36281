// Files with hard links of which only one name has been used so far.
//
// The kernel may remember that one name: whoever uses the file uses it.  When a second one comes up, the kernel has to
// forget the first, and is asked at each walk from then on (used_names.h).
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "fusebox/node.h"

namespace fusebox::guard {

// Any thread.  Bounded: of more files than it has room for, every name counts as one of several.
class KnownNames {
 public:
  enum class Known : std::uint8_t {
    only,     // the one name that was used
    second,   // the kernel may remember another; told once for each file
    several,  // the kernel remembers none
  };

  // `path` was used.  What is new counts as one of several where `may_be_only` is false.
  Known used(const Identity& file, std::string_view path, bool may_be_only);

  // Whether used() said that it is the only one.
  bool is_only(const Identity& file, std::string_view path) const;

 private:
  struct IdentityHash {
    std::size_t operator()(const Identity& identity) const;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<Identity, std::string, IdentityHash> only;  // an empty path: it has several
  };
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kMostPerShard = 1024;

  Shard& shard_of(const Identity& file) { return shards_[file.inode % kShards]; }
  const Shard& shard_of(const Identity& file) const { return shards_[file.inode % kShards]; }

  std::array<Shard, kShards> shards_;
};

}  // namespace fusebox::guard
