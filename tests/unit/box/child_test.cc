#include <chrono>

#include "unit/box/box_fixture.h"

namespace fusebox::box {
namespace {

TEST(Child, TheExitStatusOfTheCommandIsPassedOn) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(run_box(shell("exit 0")).code, 0);
  const Told told = run_box(shell("exit 42"));
  EXPECT_EQ(told.fault, "");
  EXPECT_EQ(told.code, 42);
  EXPECT_FALSE(told.killed);
}

TEST(Child, ACommandKilledByASignalEndsWith128AndTheSignal) {
  SKIP_WITHOUT_ROOT();
  const Told terminated = run_box(shell("kill -TERM $$"));
  EXPECT_EQ(terminated.code, 143);
  EXPECT_TRUE(terminated.killed);
  EXPECT_EQ(run_box(shell("kill -KILL $$")).code, 137);
}

TEST(Child, ACommandThatIsNotInPathIsNotFoundWith127) {
  SKIP_WITHOUT_ROOT();
  const Told told = run_box({.command = {"no-such-command"}, .directory = "/"});
  EXPECT_EQ(told.code, 127);
  EXPECT_TRUE(told.fault.starts_with("no-such-command: not found in PATH (PATH is ")) << told.fault;
  EXPECT_EQ(run_box({.command = {""}, .directory = "/"}).code, 127);
}

TEST(Child, ACommandByPathThatDoesNotExistIsNotFoundWith127) {
  SKIP_WITHOUT_ROOT();
  const Told told = run_box({.command = {"/no/such/command"}, .directory = "/"});
  EXPECT_EQ(told.code, 127);
  EXPECT_EQ(told.fault, "/no/such/command: No such file or directory");
}

TEST(Child, ACommandThatIsNotExecutableIsRefusedWith126) {
  SKIP_WITHOUT_ROOT();
  const Told file = run_box({.command = {"/etc/passwd"}, .directory = "/"});
  EXPECT_EQ(file.code, 126);
  EXPECT_TRUE(file.fault.starts_with("execute /etc/passwd: Permission denied")) << file.fault;
  EXPECT_EQ(run_box({.command = {"/etc"}, .directory = "/"}).code, 126);
}

TEST(Child, AWorkingDirectoryThatDoesNotExistInTheBoxIsAFaultWith125) {
  SKIP_WITHOUT_ROOT();
  const Told told = run_box({.command = {"true"}, .directory = "/no/such/place"});
  EXPECT_EQ(told.code, 125);
  EXPECT_TRUE(told.fault.starts_with("go to /no/such/place in the box: No such file")) << told.fault;
}

TEST(Child, ARootThatIsNoMountIsAFaultWith125) {
  SKIP_WITHOUT_ROOT();
  const pid_t supervisor = fork();
  if (supervisor == 0) {
    auto child = Child::spawn(shell("true"));
    auto entered = child->enter(Fd(open("/dev/null", O_RDONLY | O_CLOEXEC)));
    _exit(entered ? 0 : static_cast<int>(entered.error().code));
  }
  int status = 0;
  waitpid(supervisor, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 125);
}

TEST(Child, NoCommandIsAMistakeInUsage) {
  const auto child = Child::spawn({.command = {}, .directory = "/"});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, ExitCode::usage);
}

TEST(Child, WithoutRightsAFaultSaysWhatToDo) {
  if (geteuid() != 0) GTEST_SKIP() << "starts as root to become nobody";
  const Told told = run_box(shell("true"), {}, [] { (void)!setresuid(65534, 65534, 65534); });
  EXPECT_EQ(told.code, 125);
  // Who became another user and executed nothing since may not map ids (proc(5), "dumpable").
  EXPECT_NE(told.fault.find("root"), std::string::npos) << told.fault;
}

TEST(Child, StandardOutputIsExactlyTheCommands) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(run_box(shell("printf 'a\\nb'")).output, "a\nb");
}

TEST(Child, EnvironmentUmaskAndWorkingDirectoryAreTheCallers) {
  SKIP_WITHOUT_ROOT();
  const auto prepare = [] {
    setenv("FUSEBOX_TEST_WORD", "kept", 1);
    umask(027);
  };
  Plan plan = shell("echo $FUSEBOX_TEST_WORD; umask; pwd; env -i cat /proc/self/environ");
  plan.directory = "/usr/share";
  EXPECT_EQ(run_box(plan, {}, prepare).output, "kept\n0027\n/usr/share\n");
}

TEST(Child, OnlyTheStandardDescriptorsReachTheCommand) {
  SKIP_WITHOUT_ROOT();
  const auto leave_some_open = [] { (void)!dup2(open("/etc/passwd", O_RDONLY), 77); };
  // 3 is ls's own.
  EXPECT_EQ(run_box(shell("ls -m /proc/self/fd"), {}, leave_some_open).output, "0, 1, 2, 3\n");
}

TEST(Child, ClosedStandardDescriptorsBecomeDevNull) {
  SKIP_WITHOUT_ROOT();
  const auto close_input = [] { close(STDIN_FILENO); };
  EXPECT_EQ(run_box(shell("readlink /proc/self/fd/0; cat"), {}, close_input).output, "/dev/null\n");
}

TEST(Child, SignalMaskAndDispositionsAreTheCallers) {
  SKIP_WITHOUT_ROOT();
  const std::string inside =
      run_box({.command = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}, .directory = "/"}, {}, [] {
        signal(SIGHUP, SIG_IGN), signal(SIGCHLD, SIG_IGN);
      }).output;
  auto [output, input] = pipe_pair();
  if (fork() == 0) {
    dup2(input.get(), STDOUT_FILENO);
    signal(SIGHUP, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    execlp("grep", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", nullptr);
  }
  input.reset();
  EXPECT_EQ(inside, read_all(output.get()));
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

TEST(Child, TheCommandsChildrenEndWithIt) {
  SKIP_WITHOUT_ROOT();
  const auto begin = std::chrono::steady_clock::now();
  // The pipe is read to its end, so a survivor would hold the test up.
  EXPECT_EQ(run_box(shell("sleep 600 & setsid sleep 600 & echo left")).output, "left\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(Child, TheEndOfOutputIsSeenWhenTheCommandClosesIt) {
  SKIP_WITHOUT_ROOT();
  auto [output, input] = pipe_pair();
  const pid_t supervisor = fork();
  if (supervisor == 0) {
    alarm(kTestLimit);
    dup2(input.get(), STDOUT_FILENO);
    input.reset();
    const Fd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
    supervise(shell("exec >&-; sleep 600"), null.get(), [](Child&) { close(STDOUT_FILENO); });
    _exit(0);
  }
  input.reset();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(read_all(output.get()), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(kTestLimit / 2));
  kill(supervisor, SIGKILL);
  waitpid(supervisor, nullptr, 0);
}

TEST(Child, ASignalSentToTheSupervisorReachesTheCommand) {
  SKIP_WITHOUT_ROOT();
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGWINCH}) {
    // Blocked from the start, it waits until the command is ready for it.
    const auto block = [signal] {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, signal);
      sigprocmask(SIG_BLOCK, &set, nullptr);
    };
    const std::string script =
        "import signal, sys\n"
        "assert signal.sigtimedwait([" +
        std::to_string(signal) +
        "], 20)\n"
        "sys.exit(" +
        std::to_string(signal) + ")";
    const Told told = run_box(
        {.command = {"/usr/bin/python3", "-c", script}, .directory = "/"}, [signal](Child&) { kill(getpid(), signal); },
        block);
    EXPECT_EQ(told.output, "");
    EXPECT_EQ(told.code, signal);
  }
}

TEST(Child, ACommandWithoutHandlersDiesOfTheSignalPassedOn) {
  SKIP_WITHOUT_ROOT();
  const Told told = run_box({.command = {"sleep", "600"}, .directory = "/"}, [](Child&) { kill(getpid(), SIGTERM); });
  EXPECT_EQ(told.code, 143);
  EXPECT_TRUE(told.killed);
}

TEST(Child, AStoppedSupervisorStopsAndContinuesWithItsCommand) {
  SKIP_WITHOUT_ROOT();
  auto [report, report_in] = pipe_pair();
  const pid_t supervisor = fork();
  if (supervisor == 0) {
    alarm(kTestLimit);
    setpgid(0, 0);
    supervise(shell("kill -STOP $$; exit 7"), report_in.get());
    _exit(0);
  }
  report_in.reset();
  int status = 0;
  ASSERT_EQ(waitpid(supervisor, &status, WUNTRACED), supervisor);
  ASSERT_TRUE(WIFSTOPPED(status)) << status;
  kill(supervisor, SIGCONT);
  EXPECT_EQ(parse_report(read_all(report.get()), "").code, 7);
  waitpid(supervisor, &status, 0);
}

TEST(Child, TheBoxEndsWithinTwoSecondsOfItsSupervisor) {
  SKIP_WITHOUT_ROOT();
  auto [alive, alive_in] = pipe_pair();
  const pid_t supervisor = fork();
  if (supervisor == 0) {
    alarm(kTestLimit);
    dup2(alive_in.get(), STDOUT_FILENO);
    alive_in.reset();
    const Fd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
    supervise(shell("trap '' TERM HUP INT; setsid sleep 600 & echo x; sleep 600; sleep 600"), null.get());
    _exit(0);
  }
  alive_in.reset();
  char first = 0;
  ASSERT_EQ(read(alive.get(), &first, 1), 1);
  const auto begin = std::chrono::steady_clock::now();
  kill(supervisor, SIGKILL);
  read_all(alive.get());  // ends when nobody in the box holds its standard output any more
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  waitpid(supervisor, nullptr, 0);
}

TEST(Child, ABoxWhoseInitIsKilledEndsWith137) {
  SKIP_WITHOUT_ROOT();
  const Told told = run_box(shell("sleep 600"), [](Child& child) { kill(child.pid(), SIGKILL); });
  EXPECT_EQ(told.fault, "");
  EXPECT_EQ(told.code, 137);
}

TEST(Child, ASignalBeforeTheCommandStartsEndsTheAttempt) {
  SKIP_WITHOUT_ROOT();
  const pid_t supervisor = fork();
  if (supervisor == 0) {
    alarm(kTestLimit);
    bool interrupted = false;
    {
      auto child = Child::spawn(shell("true"));
      // So early that the init may not have asked yet to die with us: the destructor has to end it.
      kill(child->pid(), SIGSTOP);
      kill(getpid(), SIGTERM);
      const auto entered = child->enter(clone_of_host_root());
      interrupted = !entered && entered.error().why == "interrupted by SIGTERM";
    }
    _exit(interrupted ? 0 : 1);
  }
  int status = 0;
  waitpid(supervisor, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Child, ABoxThatIsNeverEnteredLeavesNothing) {
  SKIP_WITHOUT_ROOT();
  const pid_t supervisor = fork();
  if (supervisor == 0) {
    alarm(kTestLimit);
    pid_t init = 0;
    pid_t mounter = 0;
    {
      auto child = Child::spawn(shell("true"));
      if (!child) _exit(1);
      init = child->pid();
      mounter = child->mounter_pid();
    }
    const bool gone = kill(init, 0) != 0 && kill(mounter, 0) != 0;
    sigset_t mask;
    sigprocmask(SIG_BLOCK, nullptr, &mask);
    _exit(gone && sigismember(&mask, SIGTERM) == 0 ? 0 : 2);
  }
  int status = 0;
  waitpid(supervisor, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Child, TheHostsMountTableShowsNothingOfABox) {
  SKIP_WITHOUT_ROOT();
  const std::string before = file_text("/proc/self/mountinfo");
  const Told told = run_box(shell("true"), [&](Child&) {
    if (file_text("/proc/self/mountinfo") != before) puts("differs");
    fflush(stdout);
  });
  EXPECT_EQ(told.output, "");
  EXPECT_EQ(file_text("/proc/self/mountinfo"), before);
}

}  // namespace
}  // namespace fusebox::box
