#include "fusebox/name.h"

#include <gtest/gtest.h>

#include <string>

namespace fusebox {
namespace {

TEST(Name, AcceptsWhatAFileCanBeCalled) {
  for (const char* text : {"a", "...", ".hidden", "with space", "line\nbreak", "\xff\xfe", "~", "-rf"}) {
    const Result<Name> name = Name::parse(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->text(), text);
    EXPECT_STREQ(name->c_str(), text);
  }
}

TEST(Name, RefusesWhatNoFileCanBeCalled) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv, "."sv, ".."sv, "/"sv, "a/b"sv, "a/"sv, "a\0b"sv, "\0"sv}) {
    const Result<Name> name = Name::parse(text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error(), Errno::invalid);
  }
}

TEST(Name, IsAtMost255Bytes) {
  const std::string longest(255, 'x');
  const std::string longer(256, 'x');
  EXPECT_TRUE(Name::parse(longest));
  ASSERT_FALSE(Name::parse(longer));
  EXPECT_EQ(Name::parse(longer).error(), Errno::name_too_long);
}

}  // namespace
}  // namespace fusebox
