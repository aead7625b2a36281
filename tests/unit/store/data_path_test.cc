#include "store/data_path.h"

#include <gtest/gtest.h>

namespace fusebox {
namespace {

TEST(DataPath, AnInodeOpenInPassthroughStaysThere) {
  EXPECT_EQ(choose_data_path({.passthrough_opens = 1}), DataPath::passthrough);
  EXPECT_EQ(choose_data_path({.has_set_id = true, .is_unchanged = true, .passthrough_opens = 2}),
            DataPath::passthrough);
}

TEST(DataPath, AnInodeOpenThroughTheCacheStaysThere) {
  EXPECT_EQ(choose_data_path({.writes = true, .can_pass_through = true, .cached_opens = 1}), DataPath::cached);
  EXPECT_EQ(choose_data_path({.size = kLargeFile, .can_pass_through = true, .cached_opens = 1}), DataPath::cached);
}

TEST(DataPath, WritersAndLargeFilesPassThrough) {
  EXPECT_EQ(choose_data_path({.writes = true, .can_pass_through = true}), DataPath::passthrough);
  EXPECT_EQ(choose_data_path({.size = kLargeFile, .can_pass_through = true}), DataPath::passthrough);
  EXPECT_EQ(choose_data_path({.size = kLargeFile - 1, .can_pass_through = true}), DataPath::cached);
}

TEST(DataPath, AFileWithSetIdBitsIsNotWrittenBehindOurBack) {
  EXPECT_EQ(choose_data_path({.writes = true, .can_pass_through = true, .has_set_id = true}), DataPath::cached);
}

TEST(DataPath, TheCacheIsKeptForReadersOfWhatDidNotChange) {
  EXPECT_EQ(choose_data_path({.is_unchanged = true}), DataPath::keep_cached);
  EXPECT_EQ(choose_data_path({.is_unchanged = false}), DataPath::cached);
  EXPECT_EQ(choose_data_path({.writes = true, .is_unchanged = true}), DataPath::cached);
}

}  // namespace
}  // namespace fusebox
