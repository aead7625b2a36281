// Decisions in the order of Gentoo's sandbox.
#include "policy/gentoo_order.h"

#include <gtest/gtest.h>

namespace fusebox::policy {
namespace {

Policy policy_with(std::vector<Rule> rules) { return Policy(std::move(rules), Changes::as_ruled, Order::gentoo); }

Verdict verdict(const Policy& policy, std::string_view path, Want want) { return policy.decide(path, want).verdict; }

TEST(GentooOrder, AnEntryMatchesAtComponentBoundaries) {
  EXPECT_TRUE(prefix_matches("/etc", "/etc"));
  EXPECT_TRUE(prefix_matches("/etc", "/etc/x"));
  EXPECT_FALSE(prefix_matches("/etc", "/etcfoo"));
  EXPECT_FALSE(prefix_matches("/usr/lib/conftest", "/usr/lib/conftest.c"));
  EXPECT_FALSE(prefix_matches("", "/x"));
}

TEST(GentooOrder, AnEntryThatEndsInASlashNamesWhatIsBelow) {
  EXPECT_TRUE(prefix_matches("/tmp/", "/tmp/x"));
  EXPECT_FALSE(prefix_matches("/tmp/", "/tmp"));
  EXPECT_TRUE(prefix_matches("/", "/"));
  EXPECT_TRUE(prefix_matches("/", "/x/y"));
}

TEST(GentooOrder, DenyComesFirst) {
  const Policy policy =
      policy_with({{RuleKind::read, "/", "r"}, {RuleKind::write, "/a/b", "w"}, {RuleKind::deny, "/a", "d"}});
  EXPECT_EQ(verdict(policy, "/a/b/c", Want::write), Verdict::deny);
  EXPECT_EQ(verdict(policy, "/a/b/c", Want::read), Verdict::deny);
  EXPECT_EQ(verdict(policy, "/ab", Want::read), Verdict::allow);
}

TEST(GentooOrder, WriteComesBeforePredictAndPredictBeforeTheRefusal) {
  const Policy policy =
      policy_with({{RuleKind::read, "/", "r"}, {RuleKind::predict, "/", "p"}, {RuleKind::write, "/a", "w"}});
  EXPECT_EQ(verdict(policy, "/a/x", Want::write), Verdict::allow);
  EXPECT_EQ(verdict(policy, "/b/x", Want::write), Verdict::predict);
  EXPECT_EQ(verdict(policy_with({{RuleKind::read, "/", "r"}}), "/b/x", Want::write), Verdict::deny);
}

TEST(GentooOrder, PredictHasNoSayInReads) {
  const Policy policy = policy_with({{RuleKind::predict, "/", "p"}, {RuleKind::write, "/w", "w"}});
  EXPECT_EQ(verdict(policy, "/x", Want::read), Verdict::deny);
  EXPECT_EQ(verdict(policy, "/w/x", Want::read), Verdict::deny);
}

TEST(GentooOrder, WhatExistsMayAlwaysBeSeen) {
  EXPECT_EQ(verdict(policy_with({{RuleKind::deny, "/", "d"}}), "/x", Want::stat), Verdict::allow);
}

TEST(GentooOrder, TheLogsOfSandboxesAreNeverWritten) {
  const Policy policy = policy_with({{RuleKind::write, "/", "w"}});
  EXPECT_EQ(verdict(policy, "/var/log/sandbox/x", Want::write), Verdict::deny);
  EXPECT_EQ(verdict(policy, "/var/log/sandbox-1.log", Want::write), Verdict::deny);
  EXPECT_EQ(verdict(policy, "/var/log/other", Want::write), Verdict::allow);
}

TEST(GentooOrder, APathThatIsNoneIsDenied) {
  const Policy policy = policy_with({{RuleKind::read, "/", "r"}, {RuleKind::write, "/", "w"}});
  EXPECT_EQ(verdict(policy, "/a/../b", Want::write), Verdict::deny);
  EXPECT_EQ(verdict(policy, "a", Want::read), Verdict::deny);
}

TEST(GentooOrder, ADirectoryMovesWhereNothingBelowGetsAnotherVerdict) {
  const Policy policy = policy_with({{RuleKind::read, "/", "r"},
                                     {RuleKind::write, "/w", "w"},
                                     {RuleKind::deny, "/w/a/secret", "d"},
                                     {RuleKind::deny, "/w/content/", "d"}});
  EXPECT_TRUE(policy.same_below("/w/x", "/w/y"));
  EXPECT_FALSE(policy.same_below("/w/a", "/w/y"));
  EXPECT_FALSE(policy.same_below("/w/x", "/w/a"));
  EXPECT_FALSE(policy.same_below("/w/x", "/w/content"));
  EXPECT_FALSE(policy.same_below("/w/x", "/etc"));
}

TEST(GentooOrder, TheRulesThatMatchCanBeNamed) {
  const Policy policy = policy_with({{RuleKind::read, "/", "r"}, {RuleKind::write, "/w", "SANDBOX_WRITE"}});
  EXPECT_EQ(policy.matching("/w/x"), (std::vector<RuleId>{0, 1}));
  EXPECT_EQ(policy.describe(policy.decide("/w/x", Want::write).rule), "write \"/w\" (SANDBOX_WRITE)");
}

}  // namespace
}  // namespace fusebox::policy
