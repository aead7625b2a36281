#include "store/mount_points.h"

#include <gtest/gtest.h>

namespace fusebox {
namespace {

TEST(MountPoints, AreTheLastComponentsByTheMountTheyLieOn) {
  const auto names = parse_mountinfo(
      "26 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
      "27 26 0:5 / /dev rw - devtmpfs none rw\n"
      "28 27 0:22 / /dev/shm rw - tmpfs none rw\n"
      "29 26 0:23 / /mnt/deep/place rw shared:1 - tmpfs none rw\n");
  EXPECT_EQ(names.at(26), (std::set<std::string, std::less<>>{"dev", "place"}));
  EXPECT_EQ(names.at(27), (std::set<std::string, std::less<>>{"shm"}));
  EXPECT_FALSE(names.contains(28));
}

TEST(MountPoints, EscapedBytesAreReadBack) {
  const auto names = parse_mountinfo(R"(30 26 0:9 / /a\040b\134c\012 rw - tmpfs none rw)");
  EXPECT_TRUE(names.at(26).contains("a b\\c\n"));
}

TEST(MountPoints, NonsenseIsPassedOver) {
  EXPECT_TRUE(parse_mountinfo("").empty());
  EXPECT_TRUE(parse_mountinfo("\n\nx\n1 y z\n").empty());
  EXPECT_TRUE(parse_mountinfo("1 2 3 4").empty());
}

}  // namespace
}  // namespace fusebox
