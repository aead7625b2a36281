#include "box/probe.h"

#include <algorithm>

#include "unit/box/box_fixture.h"

namespace fusebox::box {
namespace {

const Finding& named(const std::vector<Finding>& findings, const std::string& name) {
  const auto found = std::ranges::find(findings, name, &Finding::name);
  if (found == findings.end()) std::abort();
  return *found;
}

TEST(Probe, WhatIsNotOkSaysWhatToDo) {
  for (const Finding& finding : probe_machine()) {
    EXPECT_FALSE(finding.meaning.empty()) << finding.name;
    EXPECT_EQ(finding.remedy.empty(), finding.offer == Offer::ok) << finding.name;
  }
}

TEST(Probe, WhereABoxCanBeMadeItSaysSo) {
  SKIP_WITHOUT_ROOT();
  const auto findings = probe_machine();
  if (named(findings, "/dev/fuse").offer != Offer::ok) GTEST_SKIP() << "needs /dev/fuse";
  EXPECT_TRUE(can_make_boxes(findings));
}

TEST(Probe, SomebodyWithoutRightsIsToldWhatAUserNamespaceGives) {
  if (geteuid() != 0) GTEST_SKIP() << "starts as root to become nobody";
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the thread sanitizer's own thread keeps a process out of a new user namespace";
#endif
  const pid_t child = fork();
  if (child == 0) {
    (void)!setresuid(65534, 65534, 65534);
    const auto findings = probe_machine();
    const bool has_namespace = named(findings, "user namespaces").offer == Offer::ok;
    const Offer expected = has_namespace ? Offer::limited : Offer::missing;
    const bool right = named(findings, "rights").offer == expected &&
                       named(findings, "passthrough").offer == Offer::limited &&
                       (named(findings, "namespaces").offer == Offer::ok) == has_namespace;
    _exit(right ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Probe, ARequiredThingThatIsMissingMeansNoBoxes) {
  EXPECT_FALSE(can_make_boxes({{.name = "a", .offer = Offer::missing, .meaning = {}, .remedy = {}, .required = true}}));
  EXPECT_TRUE(can_make_boxes({{.name = "a", .offer = Offer::missing, .meaning = {}, .remedy = {}, .required = false}}));
}

}  // namespace
}  // namespace fusebox::box
