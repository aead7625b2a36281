// The policy of real processes: forks of this one, and programs that they execute.
#include "gentoo/live_policy.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace fusebox::gentoo {
namespace {

using policy::Verdict;
using policy::Want;

std::string same(const std::string& path) { return path; }

// A process that waits until it is let go.
class Waiting {
 public:
  // `begin` runs in the fork; where it executes something, that must wait for its standard input to end.
  explicit Waiting(const std::function<void()>& begin = [] {}) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[0], STDIN_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      begin();
      char byte;
      while (::read(STDIN_FILENO, &byte, 1) > 0) {
      }
      ::_exit(0);
    }
    ::close(ends[0]);
    end_ = Fd(ends[1]);
  }
  ~Waiting() {
    end_.reset();
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }
  void await_program(const std::string& name) const {
    for (int i = 0; i < 500; ++i) {
      char target[256];
      const std::string link = "/proc/" + std::to_string(pid_) + "/exe";
      const ssize_t length = ::readlink(link.c_str(), target, sizeof target);
      if (length > 0 && std::string(target, static_cast<std::size_t>(length)).ends_with(name)) return;
      ::usleep(10'000);
    }
    FAIL() << "it did not execute " << name;
  }

 private:
  pid_t pid_ = -1;
  Fd end_;
};

class LivePolicyTest : public ::testing::Test {
 protected:
  LivePolicyTest() {
    processes_ = *audit::ProcessTable::create();
    live_ = *LivePolicy::create(*processes_,
                                {.initial = {.on = true, .deny = {}, .read = "/", .write = "/first", .predict = {}},
                                 .forms = {.directory = "/", .resolve = same}});
  }

  Verdict write(pid_t pid, std::string_view path) {
    return live_->for_caller({.uid = 0, .gid = 0, .tid = pid}).policy->decide(path, Want::write).verdict;
  }
  Result<> tell(pid_t pid, std::string_view text) {
    return live_->tell({.uid = 0, .gid = 0, .tid = pid}, kReport, std::as_bytes(std::span(text)));
  }

  std::unique_ptr<audit::ProcessTable> processes_;
  std::unique_ptr<LivePolicy> live_;
};

TEST_F(LivePolicyTest, AProcessWithoutVariablesKeepsWhatHeldBefore) {
  const Waiting child;
  EXPECT_EQ(write(child.pid(), "/first/x"), Verdict::allow);
  EXPECT_EQ(write(child.pid(), "/second/x"), Verdict::deny);
}

TEST_F(LivePolicyTest, WhatAProcessTellsHoldsForItAlone) {
  const Waiting one;
  const Waiting other;
  ASSERT_TRUE(tell(one.pid(), std::string_view("SANDBOX_WRITE=/second\0", 22)).has_value());
  EXPECT_EQ(write(one.pid(), "/second/x"), Verdict::allow);
  EXPECT_EQ(write(one.pid(), "/first/x"), Verdict::deny);
  EXPECT_EQ(write(other.pid(), "/second/x"), Verdict::deny);
}

TEST_F(LivePolicyTest, AForkInheritsWhatItsParentTold) {
  ASSERT_TRUE(tell(::getpid(), std::string_view("SANDBOX_ON=0\0", 13)).has_value());
  const Waiting child;
  EXPECT_EQ(write(child.pid(), "/etc/x"), Verdict::allow);
  ASSERT_TRUE(tell(child.pid(), std::string_view("SANDBOX_ON=1\0", 13)).has_value());
  EXPECT_EQ(write(child.pid(), "/etc/x"), Verdict::deny);
  EXPECT_EQ(write(::getpid(), "/etc/x"), Verdict::allow);
}

TEST_F(LivePolicyTest, AProgramHasTheEnvironmentThatItWasStartedWith) {
  const Waiting child([] {
    ::setenv("SANDBOX_WRITE", "/second", 1);
    ::execlp("cat", "cat", nullptr);
  });
  child.await_program("/cat");
  EXPECT_EQ(write(child.pid(), "/second/x"), Verdict::allow);
  EXPECT_EQ(write(child.pid(), "/first/x"), Verdict::deny);
}

TEST_F(LivePolicyTest, AProgramWithAnEmptyEnvironmentKeepsItsParentsPolicy) {
  ASSERT_TRUE(tell(::getpid(), std::string_view("SANDBOX_WRITE=/second\0", 22)).has_value());
  const Waiting child([] {
    const char* const none[] = {nullptr};
    ::execle("/bin/cat", "cat", nullptr, none);
  });
  child.await_program("/cat");
  EXPECT_EQ(write(child.pid(), "/second/x"), Verdict::allow);
  EXPECT_EQ(write(child.pid(), "/first/x"), Verdict::deny);
}

TEST_F(LivePolicyTest, EqualSettingsHaveEqualGenerations) {
  const Waiting one;
  const Waiting other;
  const auto generation = [&](pid_t pid) { return live_->for_caller({.uid = 0, .gid = 0, .tid = pid}).generation; };
  EXPECT_EQ(generation(one.pid()), generation(other.pid()));
  ASSERT_TRUE(tell(one.pid(), std::string_view("SANDBOX_ON=0\0", 13)).has_value());
  EXPECT_NE(generation(one.pid()), generation(other.pid()));
}

TEST_F(LivePolicyTest, OtherNamesAreNotListenedTo) {
  EXPECT_EQ(live_->tell({.uid = 0, .gid = 0, .tid = ::getpid()}, "system.fusebox.other", {}).error(),
            Errno::not_supported);
}

}  // namespace
}  // namespace fusebox::gentoo
