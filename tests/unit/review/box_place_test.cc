#include "review/box_place.h"

#include <gtest/gtest.h>

namespace fusebox::review {
namespace {

TEST(Description, SaysWhenAndHowTheBoxWasMade) {
  const auto read = parse_description(
      R"({"version":1,"created":"2026-03-01T14:02:11.75+01:00","xattrs":"user","command":["make","install"]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->created_at.tv_sec, 1772370131);
  EXPECT_EQ(read->space, Namespace::user);
  EXPECT_EQ(read->command, (std::vector<std::string>{"make", "install"}));
  EXPECT_EQ(
      parse_description(R"({"version":1,"created":"2026-03-01T13:02:11Z","xattrs":"trusted"})")->created_at.tv_sec,
      1772370131);
}

TEST(Description, OfAnotherVersionOrAnotherShapeIsRefused) {
  for (const char* text : {"", "[]", "{", R"({"version":2,"created":"2026-03-01T13:02:11Z","xattrs":"user"})",
                           R"({"version":1,"created":"yesterday","xattrs":"user"})",
                           R"({"version":1,"created":"2026-03-01T13:02:11","xattrs":"user"})",
                           R"({"version":1,"created":"2026-03-01T13:02:11Z","xattrs":"system"})"}) {
    EXPECT_FALSE(parse_description(text)) << text;
  }
}

TEST(Box, HasANameThatIsNoPath) {
  for (const char* name : {"", ".", "..", ".hidden", "-x", "a/b", "a b", "a\n"}) {
    const auto box = Box::open(name);
    ASSERT_FALSE(box) << name;
    EXPECT_EQ(box.error().code, ExitCode::usage) << name;
  }
}

}  // namespace
}  // namespace fusebox::review
