// Profiles that would let pass what they mean to stop.
#include "seccomp/check.h"

#include <cerrno>

#include "unit/seccomp/judge.h"

namespace fusebox::seccomp {
namespace {

constexpr Action kAllow{.kind = ActionKind::allow};
constexpr Action kKill{.kind = ActionKind::kill_process};
constexpr Action kRefuse{.kind = ActionKind::error, .datum = EPERM};
const std::vector<Condition> kWhen = {{.argument = 0, .value = 40}};

std::string complaint(const Profile& profile) {
  const auto checked = check(profile, "p.json");
  if (checked) return "";
  EXPECT_EQ(checked.error().code, ExitCode::usage);
  return checked.error().what + ": " + checked.error().why;
}

std::vector<std::string> warnings(const Profile& profile) {
  const auto checked = check(profile, "p.json");
  EXPECT_TRUE(checked.has_value()) << checked.error().line();
  return checked.value_or(std::vector<std::string>{});
}

TEST(Check, AnUnknownCallInARuleThatStopsItIsAFault) {
  for (const Action& action : {kKill, kRefuse, Action{.kind = ActionKind::trap}, Action{.kind = ActionKind::notify}}) {
    EXPECT_EQ(complaint({.default_action = kAllow, .rules = {{{"mkdir", "nosuchcall"}, action, {}}}}),
              "p.json: unknown system call: nosuchcall, in a rule " + text_of(action));
  }
}

TEST(Check, AnUnknownCallInARuleThatAllowsItIsAWarningSaidOnce) {
  const Profile profile{
      .default_action = kRefuse,
      .rules = {{{"read", "newcall"}, kAllow, {}}, {{"newcall", "other"}, {.kind = ActionKind::log}, {}}}};
  EXPECT_EQ(warnings(profile), std::vector<std::string>{"unknown to " + libseccomp_version() +
                                                        ", so the default holds for them: newcall, other"});
  EXPECT_EQ(verdict_on(program_of(profile), "read"), "allow");
}

TEST(Check, ACallOfAnotherArchitectureIsKnown) {
  EXPECT_EQ(warnings({.default_action = kAllow, .rules = {{{"s390_pci_mmio_read", "chown32"}, kKill, {}}}}).size(), 0U);
}

TEST(Check, ARefusalHiddenByAWiderLeaveIsAFaultInEitherOrder) {
  const Rule leave{{"socket"}, {.kind = ActionKind::log}, {}};
  const Rule refusal{{"socket"}, kRefuse, kWhen};
  for (const auto& rules : {std::vector{leave, refusal}, std::vector{refusal, leave}}) {
    const Profile profile{.default_action = kAllow, .rules = rules};
    EXPECT_EQ(complaint(profile),
              "p.json: socket: a rule errno 1 (Operation not permitted) has no effect beside the rule log");
    EXPECT_EQ(verdict_on(program_of(profile), "socket", {40}), "log") << "so libseccomp has become wiser, and we may";
  }
}

TEST(Check, ARefusalThatIsTheDefaultBesideALeaveIsAFault) {
  const Profile profile{.default_action = kRefuse, .rules = {{{"socket"}, kAllow, {}}, {{"socket"}, kRefuse, kWhen}}};
  EXPECT_EQ(complaint(profile),
            "p.json: socket: a rule errno 1 (Operation not permitted) has no effect beside the rule allow");
}

TEST(Check, ALeaveThatHasNoEffectIsAWarning) {
  const Profile profile{.default_action = kAllow, .rules = {{{"socket"}, kKill, {}}, {{"socket"}, kAllow, kWhen}}};
  EXPECT_EQ(warnings(profile),
            std::vector<std::string>{"socket: a rule allow has no effect beside the rule kill_process"});
  EXPECT_EQ(verdict_on(program_of(profile), "socket", {40}), "kill_process");
}

TEST(Check, OfTwoRulesWithoutConditionsTheFirstHolds) {
  const Rule refuse{{"mkdir"}, kRefuse, {}};
  const Rule log{{"mkdir"}, {.kind = ActionKind::log}, {}};
  const Profile refuses_first{.default_action = kAllow, .rules = {refuse, log}};
  EXPECT_EQ(warnings(refuses_first).size(), 1U);
  EXPECT_EQ(verdict_on(program_of(refuses_first), "mkdir"), "errno 1 (Operation not permitted)");
  const Profile logs_first{.default_action = kAllow, .rules = {log, refuse}};
  EXPECT_NE(complaint(logs_first), "");
  EXPECT_EQ(verdict_on(program_of(logs_first), "mkdir"), "log");
}

TEST(Check, AnArchitectureThatLibseccompDoesNotKnowIsAWarning) {
  const Profile profile{.default_action = kAllow, .architectures = {"SCMP_ARCH_LOONGARCH64"}};
  EXPECT_EQ(warnings(profile),
            std::vector<std::string>{libseccomp_version() +
                                     " does not know SCMP_ARCH_LOONGARCH64: its programs will be killed"});
  EXPECT_EQ(verdict_on(program_of(profile), "read"), "allow");
}

}  // namespace
}  // namespace fusebox::seccomp
