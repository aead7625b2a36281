#include "hook/answer_cache.h"

#include <gmock/gmock.h>

namespace fusebox::hook {
namespace {

using audit::Op;
using policy::Verdict;
using policy::Want;
using std::chrono::milliseconds;

constexpr Wants kStatAndRead{3};

class AnswerCacheTest : public ::testing::Test {
 protected:
  guard::Question question(Op op, Want want, std::string_view path = "/a", std::string_view to = {}) const {
    return {.op = op, .want = want, .path = path, .to = to, .process = process_, .caller = caller_};
  }
  void keep(const guard::Question& question, Wants wants) {
    cache_.keep(question, {.verdict = Verdict::deny, .wants = wants}, {.verdict = Verdict::deny}, {});
  }
  void keep_for_any_path(const guard::Question& question, Wants wants) {
    cache_.keep(question, {.verdict = Verdict::deny, .wants = wants, .any_path = true}, {.verdict = Verdict::deny}, {});
  }
  bool has(const guard::Question& question, milliseconds later = {}) {
    return cache_.find(question, AnswerCache::Time(later)).has_value();
  }

  const audit::Process process_{.pid = 1, .id = 1, .exe = "/bin/x"};
  const Caller caller_{.uid = 1000, .tid = 1};
  AnswerCache cache_;
};

TEST_F(AnswerCacheTest, AnAnswerHoldsForItsOperationWhereTheScriptLookedAtIt) {
  keep(question(Op::stat, Want::stat), {});
  EXPECT_TRUE(has(question(Op::stat, Want::stat)));
  EXPECT_FALSE(has(question(Op::access, Want::stat)));
  EXPECT_FALSE(has(question(Op::open, Want::read)));
}

TEST_F(AnswerCacheTest, AnAnswerHoldsForWhatTheScriptWouldNotHaveToldApart) {
  keep(question(Op::stat, Want::stat), kStatAndRead);
  EXPECT_TRUE(has(question(Op::stat, Want::stat)));
  EXPECT_TRUE(has(question(Op::open, Want::read)));
  EXPECT_TRUE(has(question(Op::exec, Want::read)));
  EXPECT_FALSE(has(question(Op::open, Want::write)));
  EXPECT_FALSE(has(question(Op::open, Want::read, "/b")));
}

TEST_F(AnswerCacheTest, WhatHasTwoEndsIsAnsweredForBoth) {
  keep(question(Op::rename, Want::write, "/a", "/b"), Wants(Wants::kAll));
  EXPECT_TRUE(has(question(Op::rename, Want::write, "/a", "/b")));
  EXPECT_FALSE(has(question(Op::rename, Want::write, "/a", "/c")));
  EXPECT_FALSE(has(question(Op::unlink, Want::write, "/a")));
  keep(question(Op::unlink, Want::write, "/d"), Wants(Wants::kAll));
  EXPECT_FALSE(has(question(Op::rename, Want::write, "/d", "/e")));
}

TEST_F(AnswerCacheTest, AnAnswerHoldsForAllPathsWhereTheScriptDidNotLookAtThem) {
  keep_for_any_path(question(Op::open, Want::read), {});
  EXPECT_TRUE(has(question(Op::open, Want::read, "/b")));
  EXPECT_FALSE(has(question(Op::exec, Want::read, "/b")));
  keep_for_any_path(question(Op::open, Want::read), kStatAndRead);
  EXPECT_TRUE(has(question(Op::exec, Want::read, "/b")));
  EXPECT_FALSE(has(question(Op::open, Want::write, "/b")));
}

TEST_F(AnswerCacheTest, WhatHasTwoEndsIsAskedForWhateverTheScriptLooksAt) {
  keep_for_any_path(question(Op::unlink, Want::write), Wants(Wants::kAll));
  EXPECT_FALSE(has(question(Op::rename, Want::write, "/a", "/b")));
  keep_for_any_path(question(Op::rename, Want::write, "/a", "/b"), {});
  EXPECT_FALSE(has(question(Op::rename, Want::write, "/a", "/c")));
  EXPECT_FALSE(has(question(Op::rename, Want::write, "/c", "/b")));
}

TEST_F(AnswerCacheTest, AnAnswerEndsForAllOperationsAtOnce) {
  keep(question(Op::stat, Want::stat), kStatAndRead);
  EXPECT_TRUE(has(question(Op::open, Want::read), Answered::kUsuallyHolds - milliseconds(1)));
  EXPECT_FALSE(has(question(Op::open, Want::read), Answered::kUsuallyHolds));
  EXPECT_FALSE(has(question(Op::stat, Want::stat), Answered::kUsuallyHolds));
}

}  // namespace
}  // namespace fusebox::hook
