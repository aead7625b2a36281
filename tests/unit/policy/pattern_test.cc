#include "policy/pattern.h"

#include <gtest/gtest.h>

namespace fusebox::policy {
namespace {

std::string normal(std::string_view text) {
  const auto pattern = parse_pattern(text);
  return pattern ? to_string(normalised(*pattern)) : "fault: " + pattern.error().why;
}

bool glob_matches(const std::string& glob, std::string_view name) {
  const auto pattern = parse_pattern("/" + glob);
  return pattern && pattern->at(0).glob().matches(name);
}

TEST(Pattern, WhatMeansNothingIsDropped) {
  EXPECT_EQ(normal("/"), "/");
  EXPECT_EQ(normal("//usr///lib/"), "/usr/lib");
  EXPECT_EQ(normal("/./usr/./"), "/usr");
}

TEST(Pattern, DoubleStarsAtTheEndSayNothingMore) {
  EXPECT_EQ(normal("/a/**"), "/a");
  EXPECT_EQ(normal("/**"), "/");
  EXPECT_EQ(normal("/a/**/*"), "/a/*");
  EXPECT_EQ(normal("/a/*/**/*/**"), "/a/*/*");
}

TEST(Pattern, StarsInARowHaveOneOrder) {
  EXPECT_EQ(normal("/a/**/*/**/b"), "/a/*/**/b");
  EXPECT_EQ(normal("/**/**/b"), "/**/b");
}

TEST(Pattern, WhatIsNoPathIsRefused) {
  EXPECT_EQ(normal(""), "fault: an empty path in a rule");
  EXPECT_EQ(normal("usr"), "fault: relative path 'usr' in a rule");
  EXPECT_EQ(normal("/usr/../etc"), "fault: '..' in a rule");
  EXPECT_EQ(normal(std::string_view("/a\0b", 4)), "fault: a NUL byte in a rule");
  EXPECT_EQ(normal("/a/b**"), "fault: '**' beside other text in one component");
  EXPECT_EQ(normal("/a/***"), "fault: '**' beside other text in one component");
}

TEST(Pattern, ABackslashMakesAStarLiteral) {
  const auto pattern = parse_pattern(R"(/a\*b)");
  ASSERT_TRUE(pattern);
  EXPECT_EQ(pattern->at(0).kind, Component::Kind::literal);
  EXPECT_EQ(pattern->at(0).name, "a*b");
  EXPECT_EQ(to_string(*pattern), R"(/a\*b)");
}

TEST(Pattern, ABackslashBeforeAnythingElseIsABackslash) {
  EXPECT_EQ(parse_pattern(R"(/dev-disk\x2dby)")->at(0).name, R"(dev-disk\x2dby)");
  EXPECT_EQ(parse_pattern(R"(/a\\)")->at(0).name, R"(a\)");
}

TEST(Pattern, QuotedBytesMatchJustThemselves) {
  const std::string odd = R"(\a*\*b\\)";
  const auto pattern = parse_pattern("/" + policy::quoted(odd));
  ASSERT_TRUE(pattern);
  EXPECT_EQ(pattern->at(0).name, odd);
}

TEST(Glob, AStarStandsForAnyBytesAlsoNone) {
  EXPECT_TRUE(glob_matches("*", "anything"));
  EXPECT_TRUE(glob_matches("*", ".hidden"));
  EXPECT_TRUE(glob_matches("lib*", "lib"));
  EXPECT_TRUE(glob_matches("*.o", "\xff\xfe.o"));
  EXPECT_TRUE(glob_matches("a*b*c", "a--bb--c"));
  EXPECT_FALSE(glob_matches("a*b*c", "acb"));
  EXPECT_FALSE(glob_matches("ab*ba", "aba"));
  EXPECT_FALSE(glob_matches("*.o", "x.obj"));
}

TEST(Glob, ManyStarsTakeNoLongTime) {
  std::string glob;
  for (int i = 0; i < 100; ++i) glob += "a*";
  EXPECT_FALSE(glob_matches(glob + "b", std::string(255, 'a')));
}

TEST(Pattern, LiteralComponentsCountMoreThanGlobsAndGlobsMoreThanDoubleStars) {
  const auto of = [](std::string_view text) { return specificity(normalised(*parse_pattern(text))); };
  EXPECT_GT(of("/a/b"), of("/a/b*"));
  EXPECT_GT(of("/a/*/c"), of("/a/**/c"));
  EXPECT_GT(of("/a/bb*"), of("/a/b*"));
}

}  // namespace
}  // namespace fusebox::policy
