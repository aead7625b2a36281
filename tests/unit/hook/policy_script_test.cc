// A policy's script as the guard asks it, with a process of the test's in the place of the script.
#include "hook/policy_script.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <thread>

namespace fusebox::hook {
namespace {

using policy::Verdict;
using std::chrono::milliseconds;

// Shared with the process that answers.
std::atomic<bool>& hangs() {
  static auto* const flag =
      new (::mmap(nullptr, sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
          std::atomic<bool>(true);
  return *flag;
}

// Answers by the last name of the path: "deny", "hide", "predict", "raise", "hang" (until told otherwise), "die",
// "nonsense", "once" (deny, which holds for no time), "program" (deny, for all of the program), "all" (the same for
// everybody).
void answer(const Fd& channel) {
  action::Receiver receiver;
  while (true) {
    pollfd readable{channel.get(), POLLIN, 0};
    ::poll(&readable, 1, -1);
    const auto message = receiver.receive(channel);
    if (!message) return;
    const auto asked = decode_asked(*message);
    const std::string word = asked->path.substr(asked->path.rfind('/') + 1);
    Answered answered{.number = asked->number};
    if (word != "allow") answered.verdict = Verdict::deny;
    if (word == "hide") answered.verdict = Verdict::hide;
    if (word == "predict") answered.verdict = Verdict::predict;
    if (word == "raise") answered.failed = true;
    if (word == "raise") answered.why = "p.rb:3: oops (RuntimeError)";
    while (word == "hang" && hangs()) std::this_thread::sleep_for(milliseconds(1));
    if (word == "die") ::_exit(7);
    if (asked->path.contains("/once")) answered.holds = milliseconds(0);
    if (word == "program") answered.scope = Scope::program;
    if (word == "all") answered.scope = Scope::all;
    (void)action::send(channel, word == "nonsense" ? "nonsense" : encode(answered));
  }
}

class PolicyScriptTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { (void)hangs(); }
  void SetUp() override { hangs() = true; }

  guard::Answer ask(std::string_view path) { return ask(path, first_); }
  guard::Answer ask(std::string_view path, const audit::Process& process) {
    auto answer = script_
                      .ask(Request{}, {.op = audit::Op::open,
                                       .want = policy::Want::read,
                                       .path = path,
                                       .to = {},
                                       .process = process,
                                       .caller = caller_})
                      .run();
    EXPECT_TRUE(answer.has_value());
    return answer ? *answer : guard::Answer{};
  }

  const audit::Process first_{.pid = 1, .id = 1, .exe = "/bin/x"};
  const audit::Process second_{.pid = 2, .id = 2, .exe = "/bin/x"};
  const audit::Process other_{.pid = 3, .id = 3, .exe = "/bin/y"};
  const Caller caller_{.uid = 1000, .tid = 1};
  PolicyScript script_{*Helper::start("test-script", [](const Fd& channel) { answer(channel); }),
                       {.script = "p.rb", .patterns = {"/asked"}, .time_limit = milliseconds(1000), .origin = "f:1:1"}};
};

TEST_F(PolicyScriptTest, IsAskedOnlyForThePathsItNames) {
  EXPECT_TRUE(script_.concerns("/asked/x"));
  EXPECT_FALSE(script_.concerns("/askedx"));
}

TEST_F(PolicyScriptTest, ItsVerdictIsTheAnswerAndSaysWhoseItIs) {
  EXPECT_EQ(ask("/asked/allow").verdict, Verdict::allow);
  EXPECT_EQ(ask("/asked/predict").verdict, Verdict::predict);
  EXPECT_EQ(ask("/asked/hide").verdict, Verdict::hide);
  const guard::Answer denied = ask("/asked/deny");
  EXPECT_EQ(denied.verdict, Verdict::deny);
  EXPECT_EQ(denied.rule, "hook \"p.rb\" (f:1:1): deny");
  EXPECT_FALSE(denied.failed);
}

TEST_F(PolicyScriptTest, AnAnswerHoldsForTheProcessThatGotIt) {
  for (int i = 0; i < 3; ++i) (void)ask("/asked/deny");
  EXPECT_EQ(script_.questions(), 1u);
  (void)ask("/asked/deny", second_);
  (void)ask("/asked/allow");
  EXPECT_EQ(script_.questions(), 3u);
}

TEST_F(PolicyScriptTest, AnAnswerMayHoldForTheProgramOrForAll) {
  for (const audit::Process& process : {first_, second_, other_}) (void)ask("/asked/program", process);
  EXPECT_EQ(script_.questions(), 2u);
  for (const audit::Process& process : {first_, second_, other_}) (void)ask("/asked/all", process);
  EXPECT_EQ(script_.questions(), 3u);
}

TEST_F(PolicyScriptTest, AnAnswerThatHoldsForNoTimeIsAskedForAgain) {
  for (int i = 0; i < 3; ++i) (void)ask("/asked/once");
  EXPECT_EQ(script_.questions(), 3u);
}

TEST_F(PolicyScriptTest, WhereItRaisesTheAnswerIsNoAndSaysWhy) {
  const guard::Answer answer = ask("/asked/raise");
  EXPECT_TRUE(answer.failed);
  EXPECT_EQ(answer.verdict, Verdict::deny);
  EXPECT_EQ(answer.rule, "hook \"p.rb\" (f:1:1): p.rb:3: oops (RuntimeError)");
  EXPECT_EQ(ask("/asked/allow").verdict, Verdict::allow);
}

TEST_F(PolicyScriptTest, WhereItHangsTheAnswerIsNoInTimeAndAtOnceUntilItIsBack) {
  EXPECT_EQ(ask("/asked/hang").rule, "hook \"p.rb\" (f:1:1): no answer within 1s");
  for (int i = 0; i < 3; ++i) {
    const guard::Answer meanwhile = ask("/asked/allow");
    EXPECT_TRUE(meanwhile.failed);
    EXPECT_THAT(meanwhile.rule, ::testing::HasSubstr("still has not answered"));  // not: no answer within
  }
  hangs() = false;
  const auto is_back = [&] { return ask("/asked/allow").verdict == Verdict::allow; };
  for (int i = 0; i < 1000 && !is_back(); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(is_back());
}

TEST_F(PolicyScriptTest, OfManyWhoAskAtOnceEachGetsItsOwnAnswer) {
  const auto ask_often = [this](std::string_view path, Verdict expected) {
    for (int i = 0; i < 300; ++i) EXPECT_EQ(ask(path).verdict, expected);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back(ask_often, "/asked/once", Verdict::deny);
    threads.emplace_back(ask_often, "/asked/once/hide", Verdict::hide);
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(PolicyScriptTest, WhereItSaysNonsenseTheAnswerIsNo) { EXPECT_TRUE(ask("/asked/nonsense").failed); }

TEST_F(PolicyScriptTest, OnceItIsDeadEveryAnswerIsNo) {
  EXPECT_EQ(ask("/asked/die").rule, "hook \"p.rb\" (f:1:1): its process has ended (exit status 7)");
  const guard::Answer later = ask("/asked/allow");
  EXPECT_EQ(later.verdict, Verdict::deny);
  EXPECT_TRUE(later.failed);
}

}  // namespace
}  // namespace fusebox::hook
