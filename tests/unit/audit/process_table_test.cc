#include "audit/process_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "audit/process_file.h"

namespace fusebox::audit {
namespace {

std::string own_exe() {
  std::string path(4096, '\0');
  path.resize(static_cast<std::size_t>(::readlink("/proc/self/exe", path.data(), path.size())));
  return path;
}

// A child that executes /bin/sh with `script` when it is told to.
class Shell {
 public:
  explicit Shell(const std::string& script) {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      char go = 0;
      if (::read(in[0], &go, 1) != 1) ::_exit(1);
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
      ::_exit(1);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = Fd(in[1]);
    from_ = Fd(out[0]);
  }
  ~Shell() {
    if (pid_ != 0) end();
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  pid_t pid() const { return pid_; }
  void tell() const { EXPECT_EQ(::write(to_.get(), "\n", 1), 1); }
  // Until it has written a line.
  void wait() const {
    for (char c = 0; c != '\n';) ASSERT_EQ(::read(from_.get(), &c, 1), 1);
  }
  void end() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  pid_t pid_ = 0;
  Fd to_;
  Fd from_;
};

std::unique_ptr<ProcessTable> table() { return ProcessTable::create().value(); }

std::string shell_exe() {
  std::string path(4096, '\0');
  char* real = ::realpath("/bin/sh", path.data());
  return real;
}

TEST(ProcessTable, AProcessHasItsNumberAndExecutable) {
  const auto processes = table();
  const auto self = processes->find(::getpid());
  EXPECT_EQ(self->pid, ::getpid());
  EXPECT_EQ(self->exe, own_exe());
  EXPECT_NE(self->id, 0U);
}

TEST(ProcessTable, ThreadsAreTheirProcess) {
  const auto processes = table();
  std::shared_ptr<const Process> of_thread;
  std::thread([&] { of_thread = processes->find(::gettid()); }).join();
  EXPECT_EQ(of_thread, processes->find(::getpid()));
}

TEST(ProcessTable, NobodyHasNoExecutable) {
  const auto nobody = table()->find(0);
  ASSERT_NE(nobody, nullptr);
  EXPECT_EQ(nobody->pid, 0);
  EXPECT_EQ(nobody->exe, "");
}

TEST(ProcessTable, AProcessThatIsGoneHasNoExecutable) {
  const auto processes = table();
  Shell shell("read x");
  const pid_t pid = shell.pid();
  shell.end();
  EXPECT_EQ(processes->find(pid)->pid, pid);
  EXPECT_EQ(processes->find(pid)->exe, "");
}

TEST(ProcessTable, AChildIsAnotherProcessWithItsParentsExecutableUntilItExecutes) {
  const auto processes = table();
  const Shell shell("echo; read x");
  const auto before = processes->find(shell.pid());
  EXPECT_NE(before->id, processes->find(::getpid())->id);
  EXPECT_EQ(before->exe, own_exe());

  processes->executes(shell.pid());
  EXPECT_EQ(processes->find(shell.pid()), before) << "about to, but has not yet";
  shell.tell();
  shell.wait();
  const auto after = processes->find(shell.pid());
  EXPECT_EQ(after->exe, shell_exe());
  EXPECT_NE(after->id, before->id);
  EXPECT_EQ(after->pid, before->pid);
  EXPECT_EQ(processes->find(shell.pid()), after);
}

TEST(ProcessTable, TheDynamicLoaderIsOpenedByWhatTheProcessStillIs) {
  const auto processes = table();
  const Shell shell("echo; read x");
  const auto before = processes->find(shell.pid());
  processes->executes(shell.pid());
  shell.tell();
  shell.wait();
  EXPECT_EQ(processes->find(shell.pid(), "/usr/lib/ld-linux-x86-64.so.2"), before);
  EXPECT_EQ(processes->find(shell.pid(), "/usr/bin/other")->exe, shell_exe()) << "it executes again";
}

TEST(ProcessTable, WhoIsFirstSeenWhenItExecutesIsNotMistakenForWhatItWas) {
  const auto processes = table();
  const Shell shell("echo; read x");
  processes->executes(shell.pid());
  EXPECT_EQ(processes->find(shell.pid())->exe, own_exe());
  shell.tell();
  shell.wait();
  EXPECT_EQ(processes->find(shell.pid())->exe, shell_exe());
}

TEST(ProcessTable, ExecutingTheSameProgramAgainIsANewProcess) {
  const auto processes = table();
  const Shell shell("echo; read a; exec /bin/sh -c 'echo; read b'");
  shell.tell();
  shell.wait();
  const auto before = processes->find(shell.pid());
  if (look_at(Fd(::open("/proc", O_PATH | O_CLOEXEC)), shell.pid())->start_stack == 0) {
    GTEST_SKIP() << "may not trace its own child here";
  }
  processes->executes(shell.pid());
  shell.tell();
  shell.wait();
  const auto after = processes->find(shell.pid());
  EXPECT_EQ(after->exe, before->exe);
  EXPECT_NE(after->id, before->id);
}

TEST(ProcessTable, WhatIsKnownIsTrustedForASecondAndThenChecked) {
  const auto processes = table();
  Shell shell("echo; read x");
  shell.tell();
  shell.wait();
  const auto known = processes->find(shell.pid());
  const pid_t pid = shell.pid();
  shell.end();
  EXPECT_EQ(processes->find(pid), known);
  std::this_thread::sleep_for(std::chrono::milliseconds(1050));
  EXPECT_EQ(processes->find(pid)->exe, "");
}

TEST(ProcessTable, AThreadWhoseLeaderEndedStillHasAnExecutable) {
  int out[2];
  ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::thread([&] {
      const pid_t tid = ::gettid();
      ::usleep(20'000);  // the leader ends meanwhile
      if (::write(out[1], &tid, sizeof tid) < 0) ::_exit(1);
      ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);  // this thread alone
  }
  ::close(out[1]);
  pid_t tid = 0;
  ASSERT_EQ(::read(out[0], &tid, sizeof tid), static_cast<ssize_t>(sizeof tid));
  const auto process = table()->find(tid);
  EXPECT_EQ(process->pid, child);
  EXPECT_EQ(process->exe, own_exe());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(out[0]);
}

TEST(ProcessTable, ManyThreadsAskAtOnce) {
  const auto processes = table();
  std::vector<std::shared_ptr<const Process>> found(8);
  std::latch start(8);
  std::vector<std::thread> threads;
  for (auto& process : found) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      for (int i = 0; i < 2000; ++i) {
        process = processes->find(::gettid());
        if (i % 100 == 0) processes->executes(::gettid());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& process : found) EXPECT_EQ(process, processes->find(::getpid()));
}

TEST(ProcessFile, ACommandsNameMayLookLikeTheRestOfTheLine) {
  std::string text = "1 (a) R 9 ) S";
  for (int field = 4; field <= 40; ++field) text += " " + std::to_string(field);
  Image image;
  ASSERT_TRUE(parse_stat(text, image));
  EXPECT_EQ(image.start_time, 22U);
  EXPECT_EQ(image.start_stack, 28U);
}

TEST(ProcessFile, ALineThatIsCutIsRefused) {
  const std::string text = "1 (a) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28";
  for (std::size_t length = 0; length < text.size() - 2; ++length) {
    Image image;
    EXPECT_FALSE(parse_stat(text.substr(0, length), image)) << length;
  }
}

}  // namespace
}  // namespace fusebox::audit
