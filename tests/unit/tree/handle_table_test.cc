#include "tree/handle_table.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace fusebox::tree {
namespace {

TEST(HandleTable, FindsWhatWasAdded) {
  HandleTable handles;
  const auto first = make<Handle>();
  const auto second = make<Handle>();
  const HandleId a = handles.add(first);
  const HandleId b = handles.add(second);
  EXPECT_NE(a, b);
  EXPECT_EQ(handles.find(a), first);
  EXPECT_EQ(handles.find(b), second);
  EXPECT_EQ(handles.size(), 2u);
}

TEST(HandleTable, GivesAHandleBackOnce) {
  HandleTable handles;
  const auto handle = make<Handle>();
  const HandleId id = handles.add(handle);
  EXPECT_EQ(handles.remove(id), handle);
  EXPECT_EQ(handles.remove(id), nullptr);
  EXPECT_EQ(handles.find(id), nullptr);
  EXPECT_EQ(handles.size(), 0u);
}

TEST(HandleTable, KnowsNothingOfOtherNumbers) {
  HandleTable handles;
  EXPECT_EQ(handles.find(HandleId{0}), nullptr);
  EXPECT_EQ(handles.find(HandleId{~0ull}), nullptr);
  EXPECT_EQ(handles.remove(HandleId{0}), nullptr);
}

TEST(HandleTable, NumbersAreNeverReusedAndNeverZero) {
  HandleTable handles;
  std::set<HandleId> seen{HandleId{0}};
  for (int i = 0; i < 1'000; ++i) {
    const HandleId id = handles.add(make<Handle>());
    EXPECT_TRUE(seen.insert(id).second);
    handles.remove(id);
  }
}

TEST(HandleTable, LetsGoOfWhatIsRemoved) {
  HandleTable handles;
  auto handle = make<Handle>();
  const std::weak_ptr<Handle> watch = handle;
  const HandleId id = handles.add(std::move(handle));
  EXPECT_FALSE(watch.expired());
  handles.remove(id);
  EXPECT_TRUE(watch.expired());
}

TEST(HandleTable, ServesManyThreads) {
  HandleTable handles;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&handles] {
        for (int i = 0; i < 2'000; ++i) {
          const auto handle = make<Handle>();
          const HandleId id = handles.add(handle);
          EXPECT_EQ(handles.find(id), handle);
          EXPECT_EQ(handles.remove(id), handle);
        }
      });
    }
  }
  EXPECT_EQ(handles.size(), 0u);
}

}  // namespace
}  // namespace fusebox::tree
