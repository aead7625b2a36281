// A policy's script in its process: what it is asked, and how often.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "hook/policy_script.h"
#include "hook/start_script.h"

namespace fusebox::hook {
namespace {

using audit::Op;
using policy::Verdict;
using policy::Want;

class ScriptTest : public ::testing::Test {
 protected:
  // The script's on_access does this.
  void start(const std::string& body) {
    const auto file =
        std::filesystem::path(::testing::TempDir()) / ("fusebox-hook-test." + std::to_string(::getpid()) + ".rb");
    std::ofstream(file) << "def on_access(access)\n" << body << "\nend\n";
    const policy::HookRule rule{
        .script = file, .patterns = {"/"}, .time_limit = std::chrono::seconds(60), .origin = "test"};
    auto started = start_script(rule);
    std::filesystem::remove(file);
    if (!started && started.error().why.contains("without scripting")) GTEST_SKIP() << started.error().line();
    ASSERT_TRUE(started.has_value()) << started.error().line();
    script_.emplace(std::move(started->answering), rule);
  }

  guard::Answer ask(Op op, Want want, std::string_view to = {}, std::string_view path = "/a") {
    const auto answer =
        script_
            ->ask(Request{}, {.op = op, .want = want, .path = path, .to = to, .process = process_, .caller = caller_})
            .run();
    EXPECT_TRUE(answer.has_value());
    return answer ? *answer : guard::Answer{};
  }
  Verdict verdict(Op op, Want want) {
    const guard::Answer answer = ask(op, want);
    EXPECT_FALSE(answer.failed) << answer.rule;
    return answer.verdict;
  }
  Verdict look() { return verdict(Op::stat, Want::stat); }
  Verdict read() { return verdict(Op::open, Want::read); }
  Verdict write() { return verdict(Op::open, Want::write); }

  audit::Process process_{.pid = ::getpid(), .id = 1, .exe = "/bin/x"};
  const Caller caller_{.uid = 1000, .tid = 1};
  std::optional<PolicyScript> script_;
};

TEST_F(ScriptTest, WhereItDoesNotLookAtTheOperationALookAndTheOpenBehindItAreOneQuestion) {
  start("access.path == '/a' && access.program == 'x' ? :deny : nil");
  if (IsSkipped()) return;
  EXPECT_EQ(look(), Verdict::deny);
  EXPECT_EQ(read(), Verdict::deny);
  EXPECT_EQ(write(), Verdict::deny);
  EXPECT_EQ(script_->questions(), 1u);
}

TEST_F(ScriptTest, WhereItAsksWhetherSomethingIsAWriteAnswersForOtherThingsHoldForNoWrite) {
  start("access.write? ? :deny : nil");
  if (IsSkipped()) return;
  EXPECT_EQ(look(), Verdict::allow);
  EXPECT_EQ(read(), Verdict::allow);
  EXPECT_EQ(script_->questions(), 1u);
  EXPECT_EQ(write(), Verdict::deny);
  EXPECT_EQ(read(), Verdict::allow);
  EXPECT_EQ(script_->questions(), 2u);
}

TEST_F(ScriptTest, WhereItLooksAtTheOperationOrAtWhatIsWantedEachIsAskedFor) {
  for (const char* body : {"access.op == :open ? :deny : nil", "access.want == :stat ? nil : :deny",
                           "access.stat? ? nil : access.read? || access.write? ? :deny : nil",
                           "access.inspect.include?('open') ? :deny : nil",
                           "access.hold 0; access.write? || access.read? ? :deny : nil"}) {
    start(body);
    if (IsSkipped()) return;
    EXPECT_EQ(look(), Verdict::allow) << body;
    EXPECT_EQ(read(), Verdict::deny) << body;
    EXPECT_EQ(write(), Verdict::deny) << body;
    EXPECT_EQ(script_->questions(), 3u) << body;
  }
}

TEST_F(ScriptTest, WhereItDoesNotLookAtThePathAllPathsAreOneQuestion) {
  start("access.program == 'x' && access.argv.size > 0 ? :deny : nil");
  if (IsSkipped()) return;
  for (const char* path : {"/a", "/b", "/c"}) EXPECT_EQ(ask(Op::open, Want::read, {}, path).verdict, Verdict::deny);
  EXPECT_EQ(script_->questions(), 1u);
}

TEST_F(ScriptTest, WhereItLooksAtThePathEachIsAskedFor) {
  for (const char* body : {"access.path == '/b' ? :deny : nil", "access.inspect.end_with?('/b>') ? :deny : nil",
                           "access.to.nil? && access.path != '/a' ? :deny : nil"}) {
    start(body);
    if (IsSkipped()) return;
    EXPECT_EQ(ask(Op::open, Want::read, {}, "/a").verdict, Verdict::allow) << body;
    EXPECT_EQ(ask(Op::open, Want::read, {}, "/b").verdict, Verdict::deny) << body;
    EXPECT_EQ(script_->questions(), 2u) << body;
  }
}

TEST_F(ScriptTest, ItIsToldBothEndsOfARenameAndNoOtherOfALook) {
  start("access.to == '/b' ? :deny : access.to.nil? ? nil : :hide");
  if (IsSkipped()) return;
  EXPECT_EQ(ask(Op::rename, Want::write, "/b").verdict, Verdict::deny);
  EXPECT_EQ(ask(Op::rename, Want::write, "/c").verdict, Verdict::hide);
  EXPECT_EQ(look(), Verdict::allow);
}

// The kernel answers for the process at each question: an exec that nobody noticed makes no difference.
TEST_F(ScriptTest, AfterAnExecItIsGivenTheNewArguments) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[1]);
    ::execl("/bin/sh", "sh", "-c", "read line; exec /bin/sh -c 'read line' second", nullptr);
    ::_exit(1);
  }
  ::close(ends[0]);
  process_.pid = child;
  start("access.hold 0\n access.argv.last == 'second' ? :deny : nil");
  // In the middle of an exec it has no arguments, which is a failure; it does not open anything then.
  const auto becomes = [&](Verdict verdict) {
    for (int i = 0; i < 3000; ++i) {
      const guard::Answer answer = ask(Op::open, Want::read);
      if (!answer.failed && answer.verdict == verdict) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  };
  if (!IsSkipped()) {
    EXPECT_TRUE(becomes(Verdict::allow));
    EXPECT_EQ(::write(ends[1], "\n", 1), 1);
    EXPECT_TRUE(becomes(Verdict::deny));
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[1]);
}

}  // namespace
}  // namespace fusebox::hook
