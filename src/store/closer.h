// Closes the descriptors of removed files, on a thread of its own (store layer).
//
// With the last descriptor of a file that has no name left goes the file: the host's file system frees its inode and
// its blocks, which takes longer than most requests (ext4: 10 us for a small file, many milliseconds for a large one).
// Whoever serves requests leaves that to this thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "store/descriptor_cache.h"

namespace fusebox {

// Any thread.  The thread of its own begins with the first descriptor.
class Closer {
 public:
  Closer() = default;
  ~Closer();  // closes what is left
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;

  // Lets go of it within a few milliseconds; at once where many wait already, or where no thread can be had.
  void close_soon(Lease last);

 private:
  void work();

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::vector<Lease> waiting_;
  bool ended_ = false;
  bool idle_ = false;  // asleep until there is something
  std::thread thread_;
};

}  // namespace fusebox
