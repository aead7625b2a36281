// By which name a thread reached a file that has several.
//
// A request that follows a lookup names the inode alone.  For a file with hard links the guard lets the kernel cache no
// name, so the lookup that came just before, by the same thread, tells which one was used.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "fusebox/node.h"

namespace fusebox::guard {

// Any thread.  Bounded: what is forgotten falls back to the name last seen by anyone.
class UsedNames {
 public:
  void remember(pid_t tid, const Identity& file, std::string path);

  // The path by which `tid` last reached `file`, if a file with several names was the last such thing it looked up.
  std::optional<std::string> find(pid_t tid, const std::optional<Identity>& file) const;

 private:
  struct Used {
    Identity file;
    std::string path;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<pid_t, Used> by_thread;
  };
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kMostPerShard = 1024;

  std::array<Shard, kShards> shards_;
  std::atomic<bool> any_{false};
};

}  // namespace fusebox::guard
