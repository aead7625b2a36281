// Profiles in JSON, in and out.
#include <cerrno>

#include "seccomp/oci_read.h"
#include "seccomp/oci_write.h"
#include "unit/seccomp/judge.h"

namespace fusebox::seccomp {
namespace {

const Circumstances kHere{.capabilities = {"CAP_CHOWN", "CAP_SYS_CHROOT"}, .architecture = "amd64", .kernel = {5, 10}};

ReadProfile read(const std::string& json, const Circumstances& circumstances = kHere) {
  auto read = read_oci(json, "p.json", circumstances);
  EXPECT_TRUE(read.has_value()) << (read ? "" : read.error().line());
  return read ? *std::move(read) : ReadProfile{};
}

std::string complaint(const std::string& json) {
  const auto read = read_oci(json, "p.json", kHere);
  if (read) return "";
  EXPECT_EQ(read.error().code, ExitCode::usage);
  return read.error().what + ": " + read.error().why;
}

std::string with_rule(const std::string& rule) {
  return R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [)" + rule + "]}";
}

// Whether a rule holds, of `conditions` written as JSON.
bool holds(const std::string& conditions, const Circumstances& circumstances = kHere) {
  return !read(with_rule(R"({"names": ["mkdir"], "action": "SCMP_ACT_KILL", )" + conditions + "}"), circumstances)
              .profile.rules.empty();
}

TEST(Oci, EveryFieldIsReadAndWrittenAgain) {
  const std::string json = R"({
  "defaultAction": "SCMP_ACT_ERRNO",
  "defaultErrnoRet": 38,
  "architectures": [
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32"
  ],
  "flags": [
    "SECCOMP_FILTER_FLAG_LOG"
  ],
  "listenerPath": "/run/agent.sock",
  "listenerMetadata": "who",
  "syscalls": [
    {
      "names": [
        "read",
        "write"
      ],
      "action": "SCMP_ACT_ALLOW"
    },
    {
      "names": [
        "mkdir"
      ],
      "action": "SCMP_ACT_ERRNO",
      "errnoRet": 16,
      "args": [
        {
          "index": 1,
          "value": 18446744073709551615,
          "valueTwo": 448,
          "op": "SCMP_CMP_MASKED_EQ"
        },
        {
          "index": 0,
          "value": 1,
          "op": "SCMP_CMP_GE"
        }
      ]
    }
  ]
}
)";
  const Profile profile = read(json).profile;
  EXPECT_EQ(profile.default_action, (Action{ActionKind::error, ENOSYS}));
  EXPECT_EQ(profile.rules.at(1).conditions.at(0),
            (Condition{.argument = 1, .comparison = Comparison::masked_eq, .value = ~0ULL, .value_two = 0700}));
  EXPECT_EQ(write_oci(profile), json);
}

TEST(Oci, WritingSortsMergesAndDropsEmptyNames) {
  const Profile profile = read(with_rule(R"({"names": ["uname", "", "mkdir"], "action": "SCMP_ACT_KILL"},
                                            {"names": ["rmdir"], "action": "SCMP_ACT_TRAP"},
                                            {"names": [], "action": "SCMP_ACT_TRAP"},
                                            {"names": ["acct", "uname"], "action": "SCMP_ACT_KILL_THREAD", "args": []})"))
                              .profile;
  const Profile tidy = tidied(profile);
  ASSERT_EQ(tidy.rules.size(), 2U);
  EXPECT_EQ(tidy.rules[0].names, (std::vector<std::string>{"acct", "mkdir", "uname"}));
  EXPECT_EQ(tidy.rules[1].names, std::vector<std::string>{"rmdir"});
  EXPECT_EQ(read(write_oci(profile)).profile, tidy);
}

TEST(Oci, AnErrnoWithoutItsNumberIsEperm) {
  EXPECT_EQ(read(R"({"defaultAction": "SCMP_ACT_ERRNO"})").profile.default_action, (Action{ActionKind::error, EPERM}));
}

TEST(Oci, DockersOldFormHasOneNameARule) {
  EXPECT_EQ(read(with_rule(R"({"name": "mkdir", "action": "SCMP_ACT_KILL", "args": []})")).profile.rules.at(0).names,
            std::vector<std::string>{"mkdir"});
  EXPECT_EQ(complaint(with_rule(R"({"name": "mkdir", "names": ["rmdir"], "action": "SCMP_ACT_KILL"})")),
            "p.json: syscalls[0]: has both 'name' and 'names'");
}

TEST(Oci, PodmansErrnoIsAName) {
  const auto rule = [](const std::string& more) {
    return with_rule(R"({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", )" + more + "}");
  };
  EXPECT_EQ(read(rule(R"("errno": "EBUSY")")).profile.rules.at(0).action, (Action{ActionKind::error, EBUSY}));
  EXPECT_EQ(read(rule(R"("errno": "EBUSY", "errnoRet": 16)")).profile.rules.at(0).action.datum, EBUSY);
  EXPECT_EQ(complaint(rule(R"("errno": "EBUSY", "errnoRet": 17)")),
            "p.json: syscalls[0].errno: is another errno than the number beside it");
  EXPECT_EQ(complaint(rule(R"("errno": "EWHAT")")), "p.json: syscalls[0].errno: unknown errno 'EWHAT'");
}

TEST(Oci, OfDockersArchMapTheNativeEntryHolds) {
  if (seccomp_arch_native() != SCMP_ARCH_X86_64) GTEST_SKIP() << "speaks of x86_64";
  const std::string map = R"("archMap": [{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
                                         {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                                         {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null}])";
  EXPECT_EQ(read(R"({"defaultAction": "SCMP_ACT_ALLOW", )" + map + "}").profile.architectures,
            (std::vector<std::string>{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}));
  EXPECT_EQ(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], )" + map + "}"),
            "p.json: architectures: stands beside 'archMap'");
}

TEST(Oci, ARuleHoldsWhereAllOfWhatItIncludesIsTrue) {
  EXPECT_TRUE(holds(R"("includes": {"caps": ["CAP_CHOWN", "CAP_SYS_CHROOT"]})"));
  EXPECT_FALSE(holds(R"("includes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]})"));
  EXPECT_TRUE(holds(R"("includes": {"arches": ["x32", "amd64"]})"));
  EXPECT_FALSE(holds(R"("includes": {"arches": ["arm64"]})"));
  EXPECT_TRUE(holds(R"("includes": {"minKernel": "5.10"})"));
  EXPECT_FALSE(holds(R"("includes": {"minKernel": "5.11"})"));
  EXPECT_FALSE(holds(R"("includes": {"minKernel": "5.9", "caps": ["CAP_BPF"]})"));
  EXPECT_TRUE(holds(R"("includes": {}, "comment": "always")"));
}

TEST(Oci, ARuleDoesNotHoldWhereAnyOfWhatItExcludesIsTrue) {
  EXPECT_FALSE(holds(R"("excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_CHOWN"]})"));
  EXPECT_TRUE(holds(R"("excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]})"));
  EXPECT_FALSE(holds(R"("excludes": {"arches": ["amd64"]})"));
  EXPECT_FALSE(holds(R"("excludes": {"minKernel": "4.8"})"));
  EXPECT_FALSE(holds(R"("includes": {"caps": ["CAP_CHOWN"]}, "excludes": {"caps": ["CAP_CHOWN"]})"));
}

TEST(Oci, ItIsCountedHowManyConditionalRulesHold) {
  const ReadProfile counted = read(with_rule(R"(
      {"names": ["a"], "action": "SCMP_ACT_KILL", "includes": {"caps": ["CAP_CHOWN"]}},
      {"names": ["b"], "action": "SCMP_ACT_KILL", "excludes": {"caps": ["CAP_CHOWN"]}},
      {"names": ["c"], "action": "SCMP_ACT_KILL", "includes": {}})"));
  EXPECT_EQ(counted.conditional_rules, 2U);
  EXPECT_EQ(counted.conditional_rules_that_hold, 1U);
}

TEST(Oci, AnErrnoForAnActionThatTakesNoneIsAFault) {
  EXPECT_EQ(complaint(with_rule(R"({"names": ["mkdir"], "action": "SCMP_ACT_KILL", "errnoRet": 1})")),
            "p.json: syscalls[0].errnoRet: SCMP_ACT_KILL_THREAD takes no errno");
  EXPECT_EQ(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1})"),
            "p.json: defaultErrnoRet: SCMP_ACT_ALLOW takes no errno");
}

TEST(Oci, WhateverIsNotAsItShouldBeIsAFaultThatSaysWhere) {
  const struct {
    const char* rule;
    const char* complaint;
  } cases[] = {
      {R"("mkdir")", "syscalls[0]: must be an object"},
      {R"({"names": ["mkdir"]})", "syscalls[0]: 'action' is missing"},
      {R"({"action": "SCMP_ACT_KILL"})", "syscalls[0]: 'names' is missing"},
      {R"({"names": "mkdir", "action": "SCMP_ACT_KILL"})", "syscalls[0].names: must be an array"},
      {R"({"names": [3], "action": "SCMP_ACT_KILL"})", "syscalls[0].names[0]: must be a string"},
      {R"({"names": ["mkdir"], "action": "deny"})", "syscalls[0].action: unknown action 'deny'"},
      {R"({"names": ["mkdir"], "action": "SCMP_ACT_KILL", "arg": []})", "syscalls[0]: unknown key 'arg'"},
      {R"({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096})",
       "syscalls[0].errnoRet: must be a whole number from 0 to 4095"},
      {R"({"names": ["mkdir"], "action": "SCMP_ACT_KILL", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]})",
       "syscalls[0].args[0].index: must be a whole number from 0 to 5"},
      {R"({"names": ["mkdir"], "action": "SCMP_ACT_KILL", "args": [{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}]})",
       "syscalls[0].args[0].value: must be a whole number from 0 to 18446744073709551615"},
      {R"({"names": ["mkdir"], "action": "SCMP_ACT_KILL", "args": [{"index": 0, "value": 1, "op": "=="}]})",
       "syscalls[0].args[0].op: unknown comparison '=='"},
      {R"({"names": ["mkdir"], "action": "SCMP_ACT_KILL", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_GT"},
                                                                   {"index": 0, "value": 9, "op": "SCMP_CMP_LT"}]})",
       "syscalls[0].args[1]: the same argument again, and libseccomp takes one condition on each"},
      {R"({"names": ["mkdir"], "action": "SCMP_ACT_KILL", "args": [{"index": 0, "value": 1}]})",
       "syscalls[0].args[0]: 'op' is missing"},
      {R"({"names": ["mkdir"], "action": "SCMP_ACT_KILL", "excludes": {"caps": ["SYS_ADMIN"]}})",
       "syscalls[0].excludes.caps[0]: unknown capability 'SYS_ADMIN'"},
      {R"({"names": ["mkdir"], "action": "SCMP_ACT_KILL", "includes": {"minKernel": "new"}})",
       "syscalls[0].includes.minKernel: no kernel version"},
  };
  for (const auto& [rule, wanted] : cases) EXPECT_EQ(complaint(with_rule(rule)), std::string("p.json: ") + wanted);
  EXPECT_EQ(complaint("[]"), "p.json: must be an object");
  EXPECT_EQ(complaint("{}"), "p.json: 'defaultAction' is missing");
  EXPECT_EQ(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["LOG"]})"),
            "p.json: flags[0]: unknown flag 'LOG'");
}

TEST(Oci, WhatIsNoJsonIsAFaultWithLineAndColumn) {
  EXPECT_EQ(complaint("{\n  \"defaultAction\": oops\n}"), "p.json:2:20: no JSON");
  EXPECT_EQ(complaint(""), "p.json:1:1: no JSON");
  EXPECT_NE(complaint(std::string(100'000, '[')), "");
}

}  // namespace
}  // namespace fusebox::seccomp
