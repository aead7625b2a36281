#include "box/id_ranges.h"

#include <gmock/gmock.h>

namespace fusebox::box {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::pair<unsigned, unsigned>> ranges_of(std::string_view text) {
  std::vector<std::pair<unsigned, unsigned>> ranges;
  for (const IdRange& range : subordinate_ranges(text, "ada", 1000)) ranges.emplace_back(range.first, range.count);
  return ranges;
}

TEST(IdRanges, AUserHasTheRangesOfHisNameAndOfHisNumber) {
  EXPECT_THAT(ranges_of("bob:100000:65536\nada:165536:65536\n1000:300000:10\n1001:400000:10\n"),
              ElementsAre(std::pair(165536U, 65536U), std::pair(300000U, 10U)));
}

TEST(IdRanges, TheLastLineNeedsNoEnd) {
  EXPECT_THAT(ranges_of("ada:165536:65536"), ElementsAre(std::pair(165536U, 65536U)));
}

TEST(IdRanges, ALineInNoSuchFormGivesNothing) {
  for (const std::string_view line : {"", "\n", "ada", "ada:", "ada:1", "ada::", "ada:1:", "ada:1:0", "ada:-1:5",
                                      "ada:1:5:7", "ada:0x1:5", "ada:1: 5", "ada:4294967295:1", "ada:1:4294967295",
                                      "ada:99999999999:1", "#ada:1:5", ":1:5", "adam:1:5", "01000x:1:5"}) {
    EXPECT_THAT(ranges_of(line), IsEmpty()) << line;
  }
}

TEST(IdRanges, TheUserIsRootAndHisRangesFollow) {
  EXPECT_THAT(map_with_subordinates(1000, {{.first = 100000, .count = 10}, {.first = 300000, .count = 5}}, 65534),
              ElementsAre("0", "1000", "1", "1", "100000", "10", "11", "300000", "5"));
}

TEST(IdRanges, TheMapEndsBeforeTheIdsThatMeanNobodyKnown) {
  EXPECT_THAT(map_with_subordinates(1000, {{.first = 100000, .count = 65536}, {.first = 300000, .count = 5}}, 65534),
              ElementsAre("0", "1000", "1", "1", "100000", "65533"));
  EXPECT_THAT(map_with_subordinates(1000, {{.first = 100000, .count = 65536}}, 1), ElementsAre("0", "1000", "1"));
}

}  // namespace
}  // namespace fusebox::box
