#include "base/sparse.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace fusebox {
namespace {

TEST(GiveBackBuckets, GivesThemBackWhenFewElementsAreLeftOfMany) {
  std::unordered_set<int> table;
  for (int i = 0; i < 100'000; ++i) table.insert(i);
  const std::size_t most = table.bucket_count();
  int given_back = 0;
  for (int i = 0; i < 99'990; ++i) {
    table.erase(i);
    if (give_back_buckets(table)) ++given_back;
  }
  EXPECT_LT(table.bucket_count(), most / 16);
  EXPECT_GE(given_back, 1);
  EXPECT_LE(given_back, 4);
  for (int i = 99'990; i < 100'000; ++i) EXPECT_TRUE(table.contains(i));
}

TEST(GiveBackBuckets, LeavesASmallTableAsItIs) {
  std::unordered_set<int> table;
  for (int i = 0; i < 500; ++i) table.insert(i);
  const std::size_t most = table.bucket_count();
  table.clear();
  EXPECT_FALSE(give_back_buckets(table));
  EXPECT_EQ(table.bucket_count(), most);
}

}  // namespace
}  // namespace fusebox
