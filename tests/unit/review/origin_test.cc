#include "review/origin.h"

#include <gtest/gtest.h>

namespace fusebox::review {
namespace {

TEST(Origin, IsReadAsItWasWritten) {
  const Origin origin{.device = 2049,
                      .inode = 131,
                      .size = 42,
                      .mtime = {.tv_sec = -5, .tv_nsec = 1},
                      .ctime = {.tv_sec = 1700000000, .tv_nsec = 999999999},
                      .owner = Origin::Owner{.mode = 0100644, .uid = 1000, .gid = 5},
                      .path = "/etc/a:b\nc"};
  const std::string text = to_text(origin);
  EXPECT_EQ(text, "2049:131:42:-5.000000001:1700000000.999999999:100644:1000:5:/etc/a:b\nc");
  const auto read = parse_origin(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(to_text(*read), text);
  EXPECT_EQ(read->owner, origin.owner);
}

TEST(Origin, MayLeaveOutWhatIsNotKnown) {
  const auto read = parse_origin("1:2:3:4.000000005:6.000000007");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->ctime.tv_nsec, 7);
  EXPECT_FALSE(read->owner);
  EXPECT_FALSE(read->path);
}

TEST(Origin, OfOtherBytesThereIsNone) {
  for (const char* text :
       {"", "1", "1:2:3:4:5", "1:2:3:4.5:6.7", "-1:2:3:4.000000005:6.000000007", "x:2:3:4.000000005:6.000000007",
        "1:2:3:4.00000000-:6.000000007", "1:2:3:4.-00000005:6.000000007", "1:2:3:4.000000005:6.000000007:999:0:0",
        "1:2:3:4.000000005:6.000000007:644:0"}) {
    EXPECT_FALSE(parse_origin(text)) << text;
  }
}

}  // namespace
}  // namespace fusebox::review
