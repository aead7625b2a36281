#include "hook/messages.h"

#include <gmock/gmock.h>

namespace fusebox::hook {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

TEST(HookMessages, AQuestionArrivesAsItWasAsked) {
  const audit::Process process{.pid = 7, .id = 1, .exe = "/bin/cc"};
  const Caller caller{.uid = 1000, .tid = 8};
  const auto asked = decode_asked(encode(42, {.op = audit::Op::rename,
                                              .want = policy::Want::write,
                                              .path = "/a\n\xff",
                                              .to = "/b",
                                              .process = process,
                                              .caller = caller}));
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->number, 42u);
  EXPECT_EQ(asked->op + " " + asked->want + " " + asked->path + " " + asked->to, "rename write /a\n\xff /b");
  EXPECT_EQ(asked->pid, 7);
  EXPECT_EQ(asked->tid, 8);
  EXPECT_EQ(asked->uid, 1000u);
  EXPECT_EQ(asked->exe, "/bin/cc");
}

TEST(HookMessages, AnAnswerArrivesAsItWasGiven) {
  const auto answered = decode_answered(encode(Answered{.number = 3,
                                                        .verdict = policy::Verdict::hide,
                                                        .holds = milliseconds(60'000),
                                                        .scope = Scope::program,
                                                        .wants = Wants(5),
                                                        .any_path = true}));
  ASSERT_TRUE(answered.has_value());
  EXPECT_EQ(answered->number, 3u);
  EXPECT_EQ(answered->verdict, policy::Verdict::hide);
  EXPECT_EQ(answered->holds, milliseconds(60'000));
  EXPECT_EQ(answered->scope, Scope::program);
  EXPECT_TRUE(answered->wants.holds(policy::Want::stat));
  EXPECT_FALSE(answered->wants.holds(policy::Want::read));
  EXPECT_TRUE(answered->wants.holds(policy::Want::write));
  EXPECT_TRUE(answered->any_path);
  EXPECT_FALSE(answered->failed);
}

TEST(HookMessages, AFailureIsADenialWithItsReason) {
  const auto answered = decode_answered(encode(Answered{.number = 3, .failed = true, .why = "p.rb:3: oops"}));
  ASSERT_TRUE(answered.has_value());
  EXPECT_TRUE(answered->failed);
  EXPECT_EQ(answered->verdict, policy::Verdict::deny);
  EXPECT_EQ(answered->why, "p.rb:3: oops");
}

TEST(HookMessages, WhatIsNoAnswerIsNone) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view message :
       {""sv, "3"sv, "3\0permit\0001000\0process\0000\0\0"sv, "3\0discard\0001000\0process\0000\0\0"sv,
        "3\0deny\0-1\0process\0000\0\0"sv, "3\0deny\0001000\0nobody\0000\0\0"sv, "x\0deny\0001000\0process\0000\0\0"sv,
        "3\0deny\0001000\0process\0008\0\0"sv, "3\0deny\0001000\0process\0000\0some\0"sv,
        "3\0deny\0001000\0process\0000\0"sv}) {
    EXPECT_FALSE(decode_answered(message).has_value()) << message;
  }
  EXPECT_FALSE(decode_asked("1\0x"sv).has_value());
}

TEST(HookMessages, AScriptSaysWhetherItAnswersAndWhatItsRulesAre) {
  const auto hello =
      decode_hello(encode(Hello{.answers = true,
                                .rules = {{.line = "3", .events = {"write", "denied"}, .paths = {"/a", "/b"}},
                                          {.line = "9", .events = {"exec"}, .paths = {"/c"}}}}));
  ASSERT_TRUE(hello.has_value());
  EXPECT_TRUE(hello->answers);
  ASSERT_EQ(hello->rules.size(), 2u);
  EXPECT_EQ(hello->rules[0].line, "3");
  EXPECT_THAT(hello->rules[0].events, ElementsAre("write", "denied"));
  EXPECT_THAT(hello->rules[0].paths, ElementsAre("/a", "/b"));
  EXPECT_THAT(hello->rules[1].events, ElementsAre("exec"));
  EXPECT_EQ(decode_hello(encode(Hello{.fault = "p.rb:3:7: syntax error"}))->fault, "p.rb:3:7: syntax error");
}

}  // namespace
}  // namespace fusebox::hook
