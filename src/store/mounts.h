// The mounts that the store has met below its root (store layer).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>

#include "fusebox/fd.h"
#include "store/file_status.h"
#include "store/inode_numbers.h"

namespace fusebox {

// Unchangeable once it is known; lives as long as the store.
struct Mount {
  std::uint64_t key = 0;           // Identity::device
  std::uint32_t id = 0;            // the kernel's mount id
  std::uint32_t device_index = 0;  // for InodeNumbers
  // Directories list the numbers that stat(2) shows; false on stacked and multi-device file systems.
  bool lists_true_numbers = false;
  // A directory to open file handles at; empty where they cannot be opened (no support, no CAP_DAC_READ_SEARCH).  It
  // keeps the file system busy, as every descriptor does.
  Fd anchor;
};

// Any thread.
class Mounts {
 public:
  explicit Mounts(InodeNumbers& numbers) : numbers_(numbers) {}

  // The mount of a file that was found as `name` in `directory`; of the directory itself for a null name.
  const Mount& of(const FileStatus& status, int directory, const char* name);

 private:
  const Mount& add(const FileStatus& status, Fd opened);

  InodeNumbers& numbers_;
  std::shared_mutex mutex_;
  std::map<std::uint64_t, std::unique_ptr<Mount>> mounts_;
};

}  // namespace fusebox
