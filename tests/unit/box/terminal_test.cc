// Boxes on a terminal: what a person at a keyboard expects.
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <chrono>
#include <thread>

#include "unit/box/box_fixture.h"

namespace fusebox::box {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A process with a terminal of its own, and the keyboard and screen of it.
class Person {
 public:
  explicit Person(const std::function<void()>& process) {
    int master = -1;
    process_ = forkpty(&master, nullptr, nullptr, nullptr);
    if (process_ == 0) {
      alarm(kTestLimit);
      process();
      _exit(0);
    }
    fcntl(master, F_SETFD, FD_CLOEXEC);
    screen_ = Fd(master);
  }
  ~Person() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

  void type(const std::string& text) const { EXPECT_EQ(write(screen_.get(), text.data(), text.size()), ssize(text)); }

  // Waits until `text` appears after what was seen before.
  bool sees(const std::string& text) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(15);
    while (seen_.find(text, looked_at_) == std::string::npos) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
      pollfd input{screen_.get(), POLLIN, 0};
      std::array<char, 4096> buffer{};
      if (left <= 0 || poll(&input, 1, static_cast<int>(left)) <= 0) return false;
      const ssize_t length = read(screen_.get(), buffer.data(), buffer.size());
      if (length <= 0) return false;
      seen_.append(buffer.data(), static_cast<std::size_t>(length));
    }
    looked_at_ = seen_.find(text, looked_at_) + text.size();
    return true;
  }

  const std::string& screen() const { return seen_; }

 private:
  static ssize_t ssize(const std::string& text) { return static_cast<ssize_t>(text.size()); }

  pid_t process_ = -1;
  Fd screen_;
  std::string seen_;
  std::size_t looked_at_ = 0;
};

const std::string kCtrlC = "\x03";
const std::string kCtrlZ = "\x1a";

std::string ended(int status, bool killed) { return "ended " + std::to_string(status) + (killed ? " 1" : " 0"); }

TEST(BoxTerminal, CtrlCReachesTheCommandOnceAndTheSupervisorSurvivesIt) {
  SKIP_WITHOUT_ROOT();
  Person person([] {
    supervise(shell("trap 'n=x$n; echo got$n' INT; echo ready; i=0; while [ $i -lt 15 ]; do sleep 0.1; i=$((i+1)); "
                    "done; exit 9"),
              STDOUT_FILENO);
  });
  ASSERT_TRUE(person.sees("ready"));
  person.type(kCtrlC);
  EXPECT_TRUE(person.sees(ended(9, false))) << person.screen();
  EXPECT_NE(person.screen().find("gotx"), std::string::npos);
  EXPECT_EQ(person.screen().find("gotxx"), std::string::npos);
}

TEST(BoxTerminal, ACommandThatDiesOfCtrlCEndsWith130) {
  SKIP_WITHOUT_ROOT();
  Person person([] { supervise(shell("echo ready; exec sleep 600"), STDOUT_FILENO); });
  ASSERT_TRUE(person.sees("ready"));
  person.type(kCtrlC);
  EXPECT_TRUE(person.sees(ended(130, true))) << person.screen();
}

TEST(BoxTerminal, AScriptAroundTheBoxFeelsCtrlCToo) {
  SKIP_WITHOUT_ROOT();
  Person person([] {
    const pid_t supervisor = fork();
    if (supervisor == 0) {
      supervise(shell("echo ready; exec sleep 600"), STDOUT_FILENO);
      _exit(0);
    }
    // The script: in the same process group, as of a shell without job control.
    signal(SIGINT, [](int) { (void)!write(STDOUT_FILENO, "script", 6); });
    while (waitpid(supervisor, nullptr, 0) < 0 && errno == EINTR) {
    }
    sleep(1);
  });
  ASSERT_TRUE(person.sees("ready"));
  std::this_thread::sleep_for(milliseconds(100));
  person.type(kCtrlC);
  EXPECT_TRUE(person.sees("script")) << person.screen();
  EXPECT_TRUE(person.screen().find(ended(130, true)) != std::string::npos || person.sees(ended(130, true)));
}

TEST(BoxTerminal, AnInteractiveShellHasJobControl) {
  SKIP_WITHOUT_ROOT();
  Person person([] {
    setenv("PS1", "prompt>", 1);
    supervise({.command = {"bash", "--norc", "--noprofile", "--noediting", "-i"}, .directory = "/"}, STDOUT_FILENO);
  });
  ASSERT_TRUE(person.sees("prompt>")) << person.screen();
  EXPECT_EQ(person.screen().find("no job control"), std::string::npos) << person.screen();
  person.type("echo begin; sleep 600\n");
  ASSERT_TRUE(person.sees("\nbegin"));
  std::this_thread::sleep_for(milliseconds(200));
  person.type(kCtrlZ);
  ASSERT_TRUE(person.sees("Stopped")) << person.screen();
  person.type("fg\n");
  ASSERT_TRUE(person.sees("sleep 600")) << person.screen();
  std::this_thread::sleep_for(milliseconds(200));
  person.type(kCtrlC);
  ASSERT_TRUE(person.sees("prompt>")) << person.screen();
  person.type("tty; exit 5\n");
  EXPECT_TRUE(person.sees("/dev/console")) << person.screen();
  EXPECT_TRUE(person.sees(ended(5, false))) << person.screen();
}

TEST(BoxTerminal, TheTerminalIsTheSupervisorsAgainAfterwards) {
  SKIP_WITHOUT_ROOT();
  Person person([] {
    supervise(shell("echo ready"), STDOUT_FILENO);
    puts(tcgetpgrp(STDIN_FILENO) == getpgrp() ? "ours again" : "lost");
    fflush(stdout);
    sleep(1);
  });
  EXPECT_TRUE(person.sees("ours again")) << person.screen();
}

TEST(BoxTerminal, ModesThatAKilledCommandLeftAreRestored) {
  SKIP_WITHOUT_ROOT();
  const auto left_by = [](const std::string& script) {
    Person person([&] {
      supervise(shell(script), STDOUT_FILENO);
      termios modes{};
      tcgetattr(STDIN_FILENO, &modes);
      puts((modes.c_lflag & ECHO) != 0 ? "[echo]" : "[silent]");
      fflush(stdout);
      sleep(1);
    });
    return person.sees("[echo]") ? "echo" : "silent";
  };
  EXPECT_STREQ(left_by("stty -echo; kill -9 $$"), "echo");
}

TEST(BoxTerminal, ModesThatACommandSetsOnPurposeStay) {
  SKIP_WITHOUT_ROOT();
  Person person([] {
    supervise(shell("stty -echo"), STDOUT_FILENO);
    termios modes{};
    tcgetattr(STDIN_FILENO, &modes);
    puts((modes.c_lflag & ECHO) != 0 ? "[echo]" : "[silent]");
    fflush(stdout);
    sleep(1);
  });
  EXPECT_TRUE(person.sees("[silent]")) << person.screen();
}

TEST(BoxTerminal, InAPipelineTheCommandGetsTheTerminalWhenItAsks) {
  SKIP_WITHOUT_ROOT();
  Person person([] {
    auto [output, input] = pipe_pair();
    const int screen = dup(STDOUT_FILENO);
    const pid_t neighbour = fork();
    if (neighbour == 0) {
      dup2(output.get(), STDIN_FILENO);
      input.reset();
      execlp("cat", "cat", nullptr);
      _exit(1);
    }
    dup2(input.get(), STDOUT_FILENO);
    input.reset();
    supervise(shell("echo ready; read word; echo got $word"), screen);
    close(STDOUT_FILENO);
    waitpid(neighbour, nullptr, 0);
    dprintf(screen, "[over]");
    sleep(1);
  });
  ASSERT_TRUE(person.sees("ready"));
  person.type("apple\n");
  EXPECT_TRUE(person.sees("[over]")) << person.screen();
  EXPECT_NE(person.screen().find("got apple"), std::string::npos) << person.screen();
  EXPECT_NE(person.screen().find(ended(0, false)), std::string::npos) << person.screen();
}

// The shell's part in job control: a job in the foreground, in a process group of its own.
pid_t start_job(const std::function<void()>& job) {
  signal(SIGTTOU, SIG_IGN);
  const pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    tcsetpgrp(STDIN_FILENO, getpid());
    signal(SIGTTOU, SIG_DFL);
    job();
    _exit(0);
  }
  setpgid(pid, pid);
  return pid;
}

TEST(BoxTerminal, CtrlZStopsTheWholeJobAndFgContinuesIt) {
  SKIP_WITHOUT_ROOT();
  Person person([] {
    const pid_t job = start_job([] { supervise(shell("echo ready; read word; echo got $word"), STDOUT_FILENO); });
    int status = 0;
    waitpid(job, &status, WUNTRACED);
    tcsetpgrp(STDIN_FILENO, getpgrp());
    printf(WIFSTOPPED(status) ? "job stopped\n" : "job ended\n");
    fflush(stdout);
    sleep(1);
    tcsetpgrp(STDIN_FILENO, job);
    kill(-job, SIGCONT);
    waitpid(job, &status, 0);
    tcsetpgrp(STDIN_FILENO, getpgrp());
    sleep(1);
  });
  ASSERT_TRUE(person.sees("ready"));
  std::this_thread::sleep_for(milliseconds(100));
  person.type(kCtrlZ);
  ASSERT_TRUE(person.sees("job stopped")) << person.screen();
  person.type("pear\n");
  EXPECT_TRUE(person.sees("got pear")) << person.screen();
  EXPECT_TRUE(person.sees(ended(0, false))) << person.screen();
}

TEST(BoxTerminal, WhereNobodyCouldContinueItCtrlZIsIgnored) {
  SKIP_WITHOUT_ROOT();
  Person person([] { supervise(shell("echo ready; read word; echo got $word"), STDOUT_FILENO); });
  ASSERT_TRUE(person.sees("ready"));
  std::this_thread::sleep_for(milliseconds(100));
  person.type(kCtrlZ);
  std::this_thread::sleep_for(milliseconds(200));
  person.type("plum\n");
  EXPECT_TRUE(person.sees("got plum")) << person.screen();
}

}  // namespace
}  // namespace fusebox::box
