// What the kernel would do under a profile.
#include <cerrno>
#include <limits>

#include "unit/seccomp/judge.h"

namespace fusebox::seccomp {
namespace {

constexpr Action kAllow{.kind = ActionKind::allow};
constexpr Action kKill{.kind = ActionKind::kill_process};
constexpr Action kRefuse{.kind = ActionKind::error, .datum = EPERM};

Profile profile_with(Condition condition) {
  return {.default_action = kAllow, .rules = {{{"mkdir"}, kRefuse, {condition}}}};
}

bool refuses(const Condition& condition, std::uint64_t value) {
  Arguments arguments{};
  arguments.at(condition.argument) = value;
  return verdict_on(program_of(profile_with(condition)), "mkdir", arguments) != "allow";
}

TEST(Filter, GivesEachCallTheActionOfItsRuleAndTheRestTheDefault) {
  const Program program = program_of({.default_action = {.kind = ActionKind::trap},
                                      .rules = {{{"read", "write"}, kAllow, {}},
                                                {{"uname"}, {.kind = ActionKind::error, .datum = EBUSY}, {}},
                                                {{"ptrace"}, {.kind = ActionKind::trace, .datum = 77}, {}},
                                                {{"reboot"}, kKill, {}}}});
  EXPECT_EQ(verdict_on(program, "read"), "allow");
  EXPECT_EQ(verdict_on(program, "write"), "allow");
  EXPECT_EQ(verdict_on(program, "uname"), "errno 16 (Device or resource busy)");
  EXPECT_EQ(verdict_on(program, "ptrace"), "trace 77");
  EXPECT_EQ(verdict_on(program, "reboot"), "kill_process");
  EXPECT_EQ(verdict_on(program, "mkdir"), "trap");
}

TEST(Filter, ComparesArgumentsAsWholeNumbersWithoutASign) {
  constexpr std::uint64_t kLarge = 0x1'0000'0005;
  const auto condition = [](Comparison comparison, std::uint64_t value, std::uint64_t value_two = 0) {
    return Condition{.argument = 1, .comparison = comparison, .value = value, .value_two = value_two};
  };
  const struct {
    Condition when;
    std::vector<std::uint64_t> refused;
    std::vector<std::uint64_t> allowed;
  } cases[] = {
      {condition(Comparison::eq, 5), {5}, {4, 6, kLarge}},
      {condition(Comparison::ne, 5), {4, 6, kLarge}, {5}},
      {condition(Comparison::lt, kLarge), {0, 5, kLarge - 1}, {kLarge, kLarge + 1, ~0ULL}},
      {condition(Comparison::le, kLarge), {0, kLarge}, {kLarge + 1}},
      {condition(Comparison::gt, kLarge), {kLarge + 1, ~0ULL}, {kLarge, 6}},
      {condition(Comparison::ge, kLarge), {kLarge, ~0ULL}, {kLarge - 1, 7}},
      {condition(Comparison::masked_eq, 0xf0, 0x50), {0x50, 0x5f, 0x150}, {0x51'0000, 0x60, 0x40}},
      {condition(Comparison::masked_eq, ~0ULL, ~0ULL), {~0ULL}, {0, 0xffffffff}},
  };
  for (const auto& [when, refused, allowed] : cases) {
    for (const std::uint64_t value : refused) EXPECT_TRUE(refuses(when, value)) << oci_word(when.comparison) << value;
    for (const std::uint64_t value : allowed) EXPECT_FALSE(refuses(when, value)) << oci_word(when.comparison) << value;
  }
}

TEST(Filter, AllConditionsOfARuleMustHold) {
  const Program program = program_of(
      {.default_action = kAllow,
       .rules = {{{"mkdir"}, kKill, {{.argument = 0, .comparison = Comparison::ge}, {.argument = 1, .value = 0711}}}}});
  EXPECT_EQ(verdict_on(program, "mkdir", {0x7fff'0000'1234, 0711}), "kill_process");
  EXPECT_EQ(verdict_on(program, "mkdir", {0x7fff'0000'1234, 0700}), "allow");
}

TEST(Filter, SeveralRulesForOneCallAreAlternatives) {
  const auto family = [](Comparison comparison, std::uint64_t value) {
    return Rule{{"socket"}, kAllow, {{.argument = 0, .comparison = comparison, .value = value}}};
  };
  const Program program =
      program_of({.default_action = kRefuse,
                  .rules = {family(Comparison::lt, 38), family(Comparison::eq, 39), family(Comparison::gt, 40)}});
  for (const std::uint64_t allowed : {0U, 1U, 37U, 39U, 41U, 1000U})
    EXPECT_EQ(verdict_on(program, "socket", {allowed}), "allow");
  for (const std::uint64_t refused : {38U, 40U})
    EXPECT_NE(verdict_on(program, "socket", {refused}), "allow") << refused;
}

TEST(Filter, AProgramOfAnArchitectureThatIsNotNamedIsKilled) {
  if (seccomp_arch_native() != SCMP_ARCH_X86_64) GTEST_SKIP() << "speaks of x86_64";
  Profile profile{.default_action = kAllow, .rules = {{{"mkdir"}, kRefuse, {}}}};
  EXPECT_EQ(verdict_on(program_of(profile), "read", {}, SCMP_ARCH_X86), "kill");
  profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
  const Program program = program_of(profile);
  for (const auto architecture : std::array<std::uint32_t, 2>{SCMP_ARCH_X86, SCMP_ARCH_X32}) {
    EXPECT_EQ(verdict_on(program, "read", {}, architecture), "allow");
    EXPECT_EQ(verdict_on(program, "mkdir", {}, architecture), "errno 1 (Operation not permitted)");
  }
}

TEST(Filter, WhatLibseccompSaysIsInTheFault) {
  const Profile twice{.default_action = kAllow,
                      .rules = {{{"mkdir"}, kKill, {{.argument = 0}, {.argument = 0, .value = 1}}}}};
  const auto context = build(twice);
  ASSERT_FALSE(context.has_value());
  EXPECT_EQ(context.error().line(), "rule kill_process for mkdir: Invalid argument");
}

TEST(Filter, TooManyRulesForTheKernelAreAFaultBeforeLibseccompWorksOnThem) {
  Profile profile{.default_action = kAllow};
  for (std::uint64_t value = 0; value < 5000; ++value) {
    profile.rules.push_back({{"ioctl"}, kRefuse, {{.argument = 1, .value = value << 32 | value}}});
  }
  const auto context = build(profile);
  ASSERT_FALSE(context.has_value());
  EXPECT_EQ(context.error().why, "more than 800 calls with conditions, and the kernel takes 4096 instructions");
}

TEST(Filter, TheSameRuleTwiceCountsOnce) {
  Profile profile{.default_action = kAllow};
  for (int i = 0; i < 5000; ++i) profile.rules.push_back({{"mkdir", "mkdir"}, kRefuse, {{.argument = 1, .value = 7}}});
  EXPECT_EQ(verdict_on(program_of(profile), "mkdir", {0, 7}), "errno 1 (Operation not permitted)");
}

TEST(Filter, CanBeReadAsPseudoCode) {
  const auto context = build({.default_action = kAllow, .rules = {{{"uname"}, kRefuse, {}}}});
  ASSERT_TRUE(context.has_value());
  const auto code = pseudo_code(*context);
  ASSERT_TRUE(code.has_value());
  EXPECT_TRUE(code->starts_with("#\n# pseudo filter code start\n#\n")) << *code;
  EXPECT_NE(code->find("filter for syscall \"uname\""), std::string::npos) << *code;
}

}  // namespace
}  // namespace fusebox::seccomp
