// The numbers that st_ino shows (store layer): many devices below, one st_dev above, and no two files with one number.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace fusebox {

// Numbers below 2^48 of the first device stay as they are.  Those of the n-th further device carry n in the top 16
// bits.  Larger ones, and devices beyond 65534, get a number of their own from a table, with all top bits set.  Hence
// the three kinds cannot meet.  A number stays as it is for the object's life.  Any thread.
class InodeNumbers {
 public:
  // The index of a device (st_dev), in order of appearance.
  std::uint32_t device_index(std::uint64_t device);

  std::uint64_t shown(std::uint32_t device_index, std::uint64_t inode) {
    if (inode < kPlainLimit && device_index < kTableIndex) return (std::uint64_t{device_index} << kIndexShift) | inode;
    return from_table(device_index, inode);
  }

 private:
  static constexpr unsigned kIndexShift = 48;
  static constexpr std::uint64_t kPlainLimit = std::uint64_t{1} << kIndexShift;
  static constexpr std::uint32_t kTableIndex = 0xFFFF;

  std::uint64_t from_table(std::uint32_t device_index, std::uint64_t inode);

  std::mutex mutex_;
  std::vector<std::uint64_t> devices_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> table_;
};

}  // namespace fusebox
