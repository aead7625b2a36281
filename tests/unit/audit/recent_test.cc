#include "audit/recent.h"

#include <gtest/gtest.h>

namespace fusebox::audit {
namespace {

TEST(Recent, WhatIsUsedStays) {
  Recent<int, int> recent(10);
  recent[0] = 42;
  for (int i = 1; i < 1000; ++i) {
    recent[i] = i;
    ASSERT_NE(recent.find(0), nullptr) << i;
  }
  EXPECT_EQ(*recent.find(0), 42);
}

TEST(Recent, WhatIsNotUsedIsForgottenButNotAtOnce) {
  Recent<int, int> recent(10);
  recent[0] = 42;
  for (int i = 1; i < 10; ++i) recent[i] = i;
  EXPECT_NE(recent.find(0), nullptr);
  for (int i = 10; i < 100; ++i) recent[i] = i;
  EXPECT_EQ(recent.find(0), nullptr);
}

TEST(Recent, ItDoesNotGrow) {
  Recent<int, int> recent(10);
  for (int i = 0; i < 1000; ++i) {
    recent[i] = i;
    recent.find(i - 12);
    ASSERT_LE(recent.size(), 20U);
  }
}

}  // namespace
}  // namespace fusebox::audit
