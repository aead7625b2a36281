#include "policy/policy.h"

#include "policy/index.h"
#include "testing.h"

namespace fusebox::policy {
namespace {

using enum RuleKind;

TEST(Policy, WhatNoRuleNamesMayBeLookedAtAndNothingElse) {
  const Policy policy = rules({});
  EXPECT_EQ(verdicts(policy, "/"), "allow deny deny");
  EXPECT_EQ(verdicts(policy, "/etc/passwd"), "allow deny deny");
  EXPECT_EQ(policy.decide("/etc", Want::write).rule, kNoRule);
}

TEST(Policy, ARuleHoldsForItsPathAndAllBelow) {
  const Policy policy = rules({{write, "/w"}});
  EXPECT_EQ(verdicts(policy, "/w"), "allow allow allow");
  EXPECT_EQ(verdicts(policy, "/w/a/b"), "allow allow allow");
  EXPECT_EQ(verdicts(policy, "/"), "allow deny deny");
}

TEST(Policy, ARuleStopsAtComponentBoundaries) {
  const Policy policy = rules({{write, "/etc"}});
  EXPECT_EQ(verdict(policy, "/etcfoo", Want::write), "deny");
  EXPECT_EQ(verdict(policy, "/et", Want::write), "deny");
}

TEST(Policy, ARuleForTheRootHoldsForAll) {
  const Policy policy = rules({{read, "/"}});
  EXPECT_EQ(verdicts(policy, "/"), "allow allow deny");
  EXPECT_EQ(verdicts(policy, "/a/b/c"), "allow allow deny");
}

TEST(Policy, ReadMeansReadOnly) {
  const Policy policy = rules({{write, "/w"}, {read, "/w/fixed"}});
  const Decision decision = policy.decide("/w/fixed/x", Want::write);
  EXPECT_EQ(decision.verdict, Verdict::deny);
  EXPECT_EQ(decision.rule, 1);
}

TEST(Policy, TheMostSpecificRuleWins) {
  const Policy policy = rules({{write, "/a/b/c"}, {deny, "/a/b"}, {read, "/a"}});
  EXPECT_EQ(verdicts(policy, "/a/x"), "allow allow deny");
  EXPECT_EQ(verdicts(policy, "/a/b/x"), "allow deny deny");
  EXPECT_EQ(verdicts(policy, "/a/b/c/x"), "allow allow allow");
}

TEST(Policy, AtTheSamePlaceTheHeavierKindWins) {
  for (int one = 0; one < static_cast<int>(kRuleKinds.size()); ++one) {
    for (int other = 0; other < one; ++other) {
      const auto heavy = static_cast<RuleKind>(one);
      const auto light = static_cast<RuleKind>(other);
      const Policy policy = rules({{heavy, "/p"}, {light, "/p"}});
      EXPECT_EQ(policy.decide("/p", Want::write).rule, 0) << to_string(heavy) << " over " << to_string(light);
      EXPECT_EQ(verdict(policy, "/p", Want::write), verdict(rules({{heavy, "/p"}}), "/p", Want::write));
    }
  }
}

TEST(Policy, WhatIsDiscardedIsAllowedInTheBox) {
  const Policy policy = rules({{discard, "/a"}, {write, "/a/b"}, {predict, "/a/c"}});
  EXPECT_EQ(verdicts(policy, "/a/x"), "allow allow discard");
  EXPECT_EQ(verdicts(policy, "/a/b"), "allow allow allow");
  EXPECT_EQ(verdicts(policy, "/a/c"), "allow allow predict");
}

TEST(Policy, WithChangesAsideWhatMayBeReadMayBeWritten) {
  const Policy policy(
      {{read, "/", "test"}, {write, "/w", "test"}, {predict, "/p", "test"}, {deny, "/d", "test"}, {hide, "/h", "test"}},
      Changes::aside);
  for (const char* path : {"/r", "/w", "/p"}) EXPECT_EQ(verdict(policy, path, Want::write), "discard") << path;
  EXPECT_EQ(verdict(policy, "/d", Want::write), "deny");
  EXPECT_EQ(verdict(policy, "/h", Want::write), "hide");
  EXPECT_TRUE(policy.same_below("/w", "/p"));
  EXPECT_FALSE(policy.same_below("/w", "/d"));
  // What may not be read must not be copied.
  EXPECT_EQ(verdict(Policy({}, Changes::aside), "/x", Want::write), "deny");
}

TEST(Policy, AmongEqualsTheLaterRuleIsTheReason) {
  EXPECT_EQ(rules({{write, "/p"}, {write, "/p"}}).decide("/p/x", Want::read).rule, 1);
}

TEST(Policy, ADeeperMatchBeatsALongerPattern) {
  const Policy policy = rules({{write, "/home/ada/project"}, {deny, "/**/.git"}});
  EXPECT_EQ(verdict(policy, "/home/ada/project/.git/config", Want::write), "deny");
  EXPECT_EQ(verdict(policy, "/home/ada/project/src", Want::write), "allow");
}

TEST(Policy, ALiteralBeatsAGlobAtTheSamePlace) {
  const Policy policy = rules({{deny, "/home/*"}, {write, "/home/ada"}});
  EXPECT_EQ(verdict(policy, "/home/ada/x", Want::write), "allow");
  EXPECT_EQ(verdict(policy, "/home/bob/x", Want::read), "deny");
}

TEST(Policy, LongerLiteralTextBeatsShorterAmongGlobs) {
  const Policy policy = rules({{deny, "/d/lib*"}, {write, "/d/libfoo*"}});
  EXPECT_EQ(verdict(policy, "/d/libfoo.so", Want::write), "allow");
  EXPECT_EQ(verdict(policy, "/d/libbar.so", Want::write), "deny");
}

TEST(Policy, AStarStaysWithinItsComponent) {
  const Policy policy = rules({{write, "/a/*/c"}});
  EXPECT_EQ(verdict(policy, "/a/b/c", Want::write), "allow");
  EXPECT_EQ(verdict(policy, "/a/b/b/c", Want::write), "deny");
  EXPECT_EQ(verdict(policy, "/a/c", Want::write), "deny");
}

TEST(Policy, ADoubleStarTakesAnyNumberOfComponents) {
  const Policy policy = rules({{write, "/a/**/c"}});
  EXPECT_EQ(verdict(policy, "/a/c", Want::write), "allow");
  EXPECT_EQ(verdict(policy, "/a/b/c", Want::write), "allow");
  EXPECT_EQ(verdict(policy, "/a/b/b/c/below", Want::write), "allow");
  EXPECT_EQ(verdict(policy, "/a/b/cc", Want::write), "deny");
  EXPECT_EQ(verdict(policy, "/c", Want::write), "deny");
}

TEST(Policy, SeveralDoubleStarsMatchOnce) {
  const Policy policy = rules({{deny, "/**/a/**/b/**/c"}, {read, "/"}});
  EXPECT_EQ(verdict(policy, "/a/a/b/b/c", Want::read), "deny");
  EXPECT_EQ(verdict(policy, "/a/c/b/x", Want::read), "allow");
  EXPECT_EQ(policy.matching("/a/a/b/b/c/c"), (std::vector<RuleId>{0, 1}));
}

TEST(Policy, ARuleThatMatchesTwiceCountsAtItsDeepestPlace) {
  const Policy policy = rules({{deny, "/p/**/out"}, {write, "/p/out/keep"}});
  EXPECT_EQ(verdict(policy, "/p/out/keep/x", Want::write), "allow");
  EXPECT_EQ(verdict(policy, "/p/out/keep/out", Want::write), "deny");
}

TEST(Policy, WhatIsHiddenIsNotThereForAnyone) {
  const Policy policy = rules({{write, "/w"}, {hide, "/w/secret"}});
  EXPECT_EQ(verdicts(policy, "/w/secret"), "hide hide hide");
  EXPECT_EQ(verdicts(policy, "/w/secret/below"), "hide hide hide");
  EXPECT_EQ(verdicts(policy, "/w/other"), "allow allow allow");
}

TEST(Policy, TheWayToSomethingOpenBelowSomethingHiddenCanBeSeen) {
  const Policy policy = rules({{hide, "/secret"}, {read, "/secret/a/public"}});
  EXPECT_EQ(verdicts(policy, "/secret"), "allow hide hide");
  EXPECT_EQ(verdicts(policy, "/secret/a"), "allow hide hide");
  EXPECT_EQ(verdicts(policy, "/secret/a/public/x"), "allow allow deny");
  EXPECT_EQ(verdicts(policy, "/secret/b"), "hide hide hide");
  EXPECT_EQ(verdicts(policy, "/secret/a/other"), "hide hide hide");
  EXPECT_EQ(policy.decide("/secret", Want::stat).rule, 1);
}

TEST(Policy, TheWayToSomethingHiddenStaysHidden) {
  const Policy policy = rules({{hide, "/secret"}, {hide, "/secret/a/b"}, {read, "/secret/a/b"}});
  EXPECT_EQ(verdicts(policy, "/secret/a"), "hide hide hide");
}

TEST(Policy, AHiddenDirectoryOpensForStarsButNotForDoubleStars) {
  const Policy stars = rules({{hide, "/home"}, {read, "/home/*/public"}});
  EXPECT_EQ(verdict(stars, "/home/ada", Want::stat), "allow");
  EXPECT_EQ(verdict(stars, "/home/ada/private", Want::stat), "hide");
  const Policy deep = rules({{hide, "/secret"}, {read, "/**/readme"}, {read, "/secret/x/**/y"}});
  EXPECT_EQ(verdict(deep, "/secret/a", Want::stat), "hide");
  EXPECT_EQ(verdict(deep, "/secret/x", Want::stat), "allow");
  EXPECT_EQ(verdict(deep, "/secret/x/a", Want::stat), "hide");
  EXPECT_EQ(verdict(deep, "/secret/x/y", Want::stat), "allow");
}

TEST(Policy, PredictRefusesWritingAndSaysNothingOnReading) {
  const Policy policy = rules({{read, "/"}, {predict, "/home/ada"}});
  EXPECT_EQ(verdicts(policy, "/home/ada/.cache"), "allow allow predict");
  EXPECT_EQ(policy.decide("/home/ada/.cache", Want::read).rule, 0);
  EXPECT_EQ(policy.decide("/home/ada/.cache", Want::write).rule, 1);
  EXPECT_EQ(verdicts(rules({{predict, "/p"}}), "/p"), "allow deny predict");
}

TEST(Policy, PredictDoesNotOpenWhatIsHidden) {
  const Policy policy = rules({{hide, "/home"}, {predict, "/home/ada"}});
  EXPECT_EQ(verdicts(policy, "/home"), "hide hide hide");
  EXPECT_EQ(verdicts(policy, "/home/ada/x"), "hide hide hide");
}

TEST(Policy, AMoreSpecificRuleEndsAPredict) {
  const Policy policy = rules({{predict, "/h"}, {write, "/h/w"}, {predict, "/h/w/p"}, {deny, "/h/w/p/d"}});
  EXPECT_EQ(verdict(policy, "/h/x", Want::write), "predict");
  EXPECT_EQ(verdict(policy, "/h/w/x", Want::write), "allow");
  EXPECT_EQ(verdict(policy, "/h/w/p/x", Want::write), "predict");
  EXPECT_EQ(verdict(policy, "/h/w/p/d/x", Want::write), "deny");
}

TEST(Policy, PathsAreBytes) {
  const Policy policy = rules({{write, "/\xff\xfe"}});
  EXPECT_EQ(verdict(policy, "/\xff\xfe/x", Want::write), "allow");
  EXPECT_EQ(verdict(policy, "/\xff", Want::write), "deny");
}

TEST(Policy, APathThatIsNotCanonicalIsDenied) {
  const Policy policy = rules({{write, "/"}});
  for (const std::string_view path :
       {std::string_view(""), std::string_view("a"), std::string_view("/a/"), std::string_view("//a"),
        std::string_view("/a//b"), std::string_view("/./a"), std::string_view("/a/.."), std::string_view("/a\0b", 4)}) {
    EXPECT_EQ(verdicts(policy, path), "deny deny deny") << path;
    EXPECT_FALSE(policy.same_below(path, path));
    EXPECT_TRUE(policy.matching(path).empty());
  }
  EXPECT_EQ(verdict(policy, "/...", Want::write), "allow");
}

TEST(Policy, ABrokenPatternDeniesEverything) {
  EXPECT_EQ(verdicts(rules({{write, "/"}, {hide, "relative"}}), "/x"), "deny deny deny");
}

TEST(Policy, MatchingRulesComeMostSpecificFirst) {
  const Policy policy = rules({{read, "/"}, {write, "/a/*"}, {hide, "/a/b"}, {deny, "/x"}, {predict, "/a"}});
  EXPECT_EQ(policy.matching("/a/b/c"), (std::vector<RuleId>{2, 1, 4, 0}));
}

TEST(Policy, ARuleIsDescribedForPeople) {
  const Policy policy = rules({{write, "/tmp\n"}});
  EXPECT_EQ(policy.describe(0), "write \"/tmp\\x0a\" (test)");
  EXPECT_EQ(policy.describe(kNoRule), "no rule");
}

TEST(Policy, ADecisionCostsTheDepthOfThePathAndNotTheNumberOfRules) {
  const auto effort = [](int count) {
    std::vector<Rule> many = {{read, "/", ""}, {deny, "/**/.git", ""}};
    for (int i = 0; i < count; ++i) many.push_back({write, "/a/b/c/d" + std::to_string(i) + "/e", ""});
    const Policy::Index index(many);
    Walk walk(index);
    for_each_component("/a/b/c/d7/e/f", [&](std::string_view name) { walk.step(name); });
    return walk.effort();
  };
  EXPECT_EQ(effort(10'000), effort(10));
  EXPECT_LE(effort(10'000), 16u);
}

}  // namespace
}  // namespace fusebox::policy
