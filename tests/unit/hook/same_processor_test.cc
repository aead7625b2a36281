#include "hook/same_processor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fusebox::hook {
namespace {

class SameProcessorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::sched_getaffinity(0, sizeof(allowed_), &allowed_), 0);
    child_ = ::fork();
    if (child_ == 0) {
      while (true) ::pause();
    }
    ASSERT_GT(child_, 0);
  }
  void TearDown() override {
    ::sched_setaffinity(0, sizeof(allowed_), &allowed_);
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  // This thread goes there, and stays.
  static void go_to(int processor) {
    const cpu_set_t one = only(processor);
    ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  }
  static cpu_set_t only(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return set;
  }
  bool child_may_run_on(const cpu_set_t& expected) const {
    cpu_set_t set;
    return ::sched_getaffinity(child_, sizeof(set), &set) == 0 && CPU_EQUAL(&set, &expected);
  }

  cpu_set_t allowed_{};
  pid_t child_ = -1;
};

TEST_F(SameProcessorTest, TheOneThatIsAskedFollowsTheOneThatAsks) {
  SameProcessor place(child_);
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &allowed_)) continue;
    go_to(processor);
    place.keep_here();
    EXPECT_TRUE(child_may_run_on(only(processor))) << processor;
  }
}

TEST_F(SameProcessorTest, OneThatTakesItsTimeMayRunWhereItCouldBefore) {
  SameProcessor place(child_);
  place.keep_here();
  place.let_go();
  EXPECT_TRUE(child_may_run_on(allowed_));
  place.keep_here();
  EXPECT_FALSE(CPU_COUNT(&allowed_) > 1 && child_may_run_on(allowed_));
}

}  // namespace
}  // namespace fusebox::hook
