#include "store/inode_numbers.h"

#include <gtest/gtest.h>

#include <set>

namespace fusebox {
namespace {

constexpr std::uint64_t kBig = std::uint64_t{1} << 48;

TEST(InodeNumbers, TheFirstDeviceKeepsItsNumbers) {
  InodeNumbers numbers;
  const auto device = numbers.device_index(77);
  EXPECT_EQ(numbers.shown(device, 2), 2U);
  EXPECT_EQ(numbers.shown(device, kBig - 1), kBig - 1);
}

TEST(InodeNumbers, EqualNumbersOfDifferentDevicesDiffer) {
  InodeNumbers numbers;
  std::set<std::uint64_t> seen;
  const std::vector<std::uint64_t> inodes{1, 2, kBig - 1, kBig, kBig + 1, kBig | 1, ~std::uint64_t{0}, 2 * kBig + 1};
  for (std::uint64_t device = 100; device < 150; ++device) {
    for (const std::uint64_t inode : inodes) seen.insert(numbers.shown(numbers.device_index(device), inode));
  }
  // kBig + 1 and kBig | 1 are one number.
  EXPECT_EQ(seen.size(), 50 * (inodes.size() - 1));
}

TEST(InodeNumbers, MoreDevicesThanFitTheTopBitsStillDiffer) {
  InodeNumbers numbers;
  std::set<std::uint64_t> seen;
  for (const std::uint32_t device : {0U, 1U, 0xFFFEU, 0xFFFFU, 0x10000U, 0x10001U}) {
    for (const std::uint64_t inode : {std::uint64_t{1}, std::uint64_t{2}, kBig})
      seen.insert(numbers.shown(device, inode));
  }
  EXPECT_EQ(seen.size(), 18U);
}

TEST(InodeNumbers, ANumberStaysAsItIs) {
  InodeNumbers numbers;
  const auto first = numbers.device_index(5);
  const auto second = numbers.device_index(6);
  const auto shown = numbers.shown(second, kBig * 3);
  numbers.shown(first, kBig * 3);
  EXPECT_EQ(numbers.device_index(6), second);
  EXPECT_EQ(numbers.shown(second, kBig * 3), shown);
}

}  // namespace
}  // namespace fusebox
