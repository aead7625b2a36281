#include "gentoo/settings.h"

#include <gmock/gmock.h>

namespace fusebox::gentoo {
namespace {

using policy::Verdict;
using policy::Want;
using ::testing::ElementsAre;

// "/link" leads to "/real"; everything else is what it is.
std::string resolve(const std::string& path) {
  return path == "/link" || path.starts_with("/link/") ? "/real" + path.substr(5) : path;
}
const PathForms kForms{.directory = "/work", .resolve = resolve};

Verdict verdict(const policy::Policy& policy, std::string_view path, Want want) {
  return policy.decide(path, want).verdict;
}

TEST(SandboxSettings, SwitchesAreReadInAnyCase) {
  for (const char* text : {"1", "true", "YES"}) EXPECT_EQ(parse_switch(text), true) << text;
  for (const char* text : {"0", "False", "no"}) EXPECT_EQ(parse_switch(text), false) << text;
  for (const char* text : {"", "2", "on", "yess"}) EXPECT_EQ(parse_switch(text), std::nullopt) << text;
}

TEST(SandboxSettings, WhatIsNoOnIsOff) {
  Settings settings;
  apply(settings, "SANDBOX_ON=maybe");
  EXPECT_FALSE(settings.on);
  apply(settings, "SANDBOX_ON=yes");
  EXPECT_TRUE(settings.on);
}

TEST(SandboxSettings, AnUnsetVariableKeepsItsValueAndAnEmptyOneEmptiesItsList) {
  Settings settings{.on = true, .deny = "/d", .read = "/", .write = "/w", .predict = "/p"};
  using namespace std::string_view_literals;
  apply_all(settings, "PATH=/bin\0SANDBOX_WRITE=\0SANDBOX_PREDICT=/q\0XSANDBOX_DENY=/x\0"sv);
  EXPECT_EQ(settings, (Settings{.on = true, .deny = "/d", .read = "/", .write = "", .predict = "/q"}));
}

TEST(SandboxSettings, PathsAreAbsoluteAndKnownByBothTheirForms) {
  EXPECT_THAT(kForms.of("/a//b/./c"), ElementsAre("/a/b/c"));
  EXPECT_THAT(kForms.of("x::/tmp/"), ElementsAre("/work/x", "/tmp/"));
  EXPECT_THAT(kForms.of("/link/x"), ElementsAre("/link/x", "/real/x"));
  EXPECT_THAT(kForms.of("/"), ElementsAre("/"));
  EXPECT_THAT(kForms.of(""), ElementsAre());
}

TEST(SandboxSettings, WhileItIsOffEverythingIsAllowed) {
  const policy::Policy policy = policy_of({.on = false, .deny = "/d"}, kForms, std::nullopt);
  EXPECT_EQ(verdict(policy, "/d/x", Want::write), Verdict::allow);
  EXPECT_EQ(verdict(policy, "/etc", Want::read), Verdict::allow);
}

TEST(SandboxSettings, WhileItIsOnTheListsDecide) {
  const policy::Policy policy =
      policy_of({.on = true, .deny = "/d", .read = "/", .write = "/link", .predict = "/p"}, kForms, std::nullopt);
  EXPECT_EQ(verdict(policy, "/real/x", Want::write), Verdict::allow);
  EXPECT_EQ(verdict(policy, "/d/x", Want::read), Verdict::deny);
  EXPECT_EQ(verdict(policy, "/p/x", Want::write), Verdict::predict);
  EXPECT_EQ(verdict(policy, "/etc/x", Want::write), Verdict::deny);
}

TEST(SandboxSettings, NothingExceedsTheCeiling) {
  const std::vector<std::string> ceiling = {"/build"};
  const policy::Policy off = policy_of({.on = false}, kForms, ceiling);
  EXPECT_EQ(verdict(off, "/build/x", Want::write), Verdict::allow);
  EXPECT_EQ(verdict(off, "/etc/x", Want::write), Verdict::deny);
  EXPECT_EQ(verdict(off, "/etc/x", Want::read), Verdict::allow);
  const policy::Policy wide = policy_of({.on = true, .read = "/", .write = "/:/build/deep"}, kForms, ceiling);
  EXPECT_EQ(verdict(wide, "/build/x", Want::write), Verdict::allow);
  EXPECT_EQ(verdict(wide, "/buildx", Want::write), Verdict::deny);
  const policy::Policy narrow = policy_of({.on = true, .read = "/", .write = "/build/deep"}, kForms, ceiling);
  EXPECT_EQ(verdict(narrow, "/build/deep/x", Want::write), Verdict::allow);
  EXPECT_EQ(verdict(narrow, "/build/x", Want::write), Verdict::deny);
}

}  // namespace
}  // namespace fusebox::gentoo
