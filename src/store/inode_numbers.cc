#include "store/inode_numbers.h"

#include <algorithm>

namespace fusebox {

std::uint32_t InodeNumbers::device_index(std::uint64_t device) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(devices_, device);
  if (found == devices_.end()) {
    devices_.push_back(device);
    return static_cast<std::uint32_t>(devices_.size() - 1);
  }
  return static_cast<std::uint32_t>(found - devices_.begin());
}

std::uint64_t InodeNumbers::from_table(std::uint32_t device_index, std::uint64_t inode) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t next = (std::uint64_t{kTableIndex} << kIndexShift) | (table_.size() + 1);
  return table_.try_emplace({device_index, inode}, next).first->second;
}

}  // namespace fusebox
