#include "policy/index.h"
#include "testing.h"

namespace fusebox::policy {
namespace {

using enum RuleKind;

TEST(SameBelow, NothingChangesBetweenTwoPlacesUnderOneRule) {
  const Policy policy = rules({{read, "/"}, {write, "/w"}});
  EXPECT_TRUE(policy.same_below("/w/a", "/w/b/c"));
}

TEST(SameBelow, AMoveFromOneRuleToAnotherChangesWhatIsBelow) {
  const Policy policy = rules({{read, "/"}, {write, "/w"}, {write, "/tmp"}, {predict, "/home"}});
  EXPECT_FALSE(policy.same_below("/w/a", "/usr/a"));
  EXPECT_FALSE(policy.same_below("/home/a", "/usr/a"));
  EXPECT_TRUE(policy.same_below("/w/a", "/tmp/a"));
}

TEST(SameBelow, ARuleInsideTheMovedDirectoryCounts) {
  const Policy policy = rules({{write, "/w"}, {hide, "/w/a/b/secret"}});
  EXPECT_FALSE(policy.same_below("/w/a", "/w/c"));
  EXPECT_FALSE(policy.same_below("/w/c", "/w/a"));
  EXPECT_FALSE(policy.same_below("/w/a/b", "/w/c"));
  EXPECT_TRUE(policy.same_below("/w/a/other", "/w/c"));
}

TEST(SameBelow, ARuleInsideThatSaysNothingNewDoesNot) {
  const Policy policy = rules({{write, "/w"}, {write, "/w/a/b"}});
  EXPECT_TRUE(policy.same_below("/w/a", "/w/c"));
  const Policy undone = rules({{write, "/w"}, {read, "/w/a/b"}, {write, "/w/a/b/c"}});
  EXPECT_FALSE(undone.same_below("/w/a", "/w/c"));
}

TEST(SameBelow, AGlobThatMatchesBothPlacesChangesNothing) {
  const Policy policy = rules({{write, "/w"}, {deny, "/w/*/secret"}});
  EXPECT_TRUE(policy.same_below("/w/a", "/w/b"));
  EXPECT_FALSE(policy.same_below("/w/a", "/w/b/c"));
}

TEST(SameBelow, ADoubleStarRuleHoldsWhereverTheDirectoryGoes) {
  const Policy policy = rules({{write, "/w"}, {deny, "/w/**/.git"}});
  EXPECT_TRUE(policy.same_below("/w/a", "/w/b/c/d"));
  EXPECT_FALSE(policy.same_below("/w/a", "/v/a"));
  EXPECT_FALSE(policy.same_below("/w/.git", "/w/git"));
}

TEST(SameBelow, HalfOfADoubleStarRulesTailIsRemembered) {
  const Policy policy = rules({{write, "/w"}, {deny, "/**/config/private"}});
  EXPECT_FALSE(policy.same_below("/w/config", "/w/a"));
  EXPECT_TRUE(policy.same_below("/w/x/config", "/w/config"));
}

TEST(SameBelow, WhatIsHiddenAndStaysHiddenIsTheSame) {
  const Policy policy = rules({{hide, "/h"}, {predict, "/h/a/b"}, {read, "/h/c/d"}});
  EXPECT_TRUE(policy.same_below("/h/a", "/h/b"));
  EXPECT_FALSE(policy.same_below("/h/c", "/h/b"));
}

// Asks same_below() about many small policies, and compares with looking at every path below.
TEST(SameBelow, IsNeverTrueWhereAPathBelowWouldChange) {
  const std::vector<std::string> patterns = {"/",     "/a",      "/b",       "/a/b",   "/a/*",    "/*/a",
                                             "/**/a", "/a/**/b", "/**/a/*b", "/a/b/a", "/*/b/a*", "/b/a/b"};
  std::vector<std::string> rests = {""};
  for (std::size_t i = 0; i < 15; ++i) {
    for (const char* name : {"/a", "/b", "/ab"}) rests.push_back(rests[i] + name);
  }
  const std::vector<std::string> tops = {"/a", "/b", "/ab", "/a/a", "/a/b", "/b/a", "/a/b/b"};
  std::uint32_t random = 1;
  const auto pick = [&](std::size_t limit) {
    random = random * 1664525u + 1013904223u;
    return static_cast<std::size_t>(random >> 16) % limit;
  };
  int same = 0;
  for (int round = 0; round < 1500; ++round) {
    std::vector<std::pair<RuleKind, std::string>> written;
    for (std::size_t i = 0, count = 1 + pick(4); i < count; ++i) {
      written.emplace_back(static_cast<RuleKind>(pick(kRuleKinds.size())), patterns[pick(patterns.size())]);
    }
    const Policy policy = rules(written);
    const std::string from = tops[pick(tops.size())];
    const std::string to = tops[pick(tops.size())];
    if (!policy.same_below(from, to)) continue;
    ++same;
    for (const std::string& rest : rests) {
      if (rest.empty()) continue;
      EXPECT_EQ(verdicts(policy, from + rest), verdicts(policy, to + rest))
          << from << " to " << to << " with " << rest << ", rule 0 is " << policy.describe(0);
    }
  }
  EXPECT_GT(same, 300);
}

}  // namespace
}  // namespace fusebox::policy
