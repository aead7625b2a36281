#include "base/boxes.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace fusebox {
namespace {

class BoxDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    std::filesystem::create_directory(path_ = folder_ + "/box");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_ = ::testing::TempDir() + "fusebox-boxes-XXXXXX";
  std::string path_;
};

TEST_F(BoxDirectory, IsLockedForOneAtATime) {
  const auto box = open_box(path_, "it");
  ASSERT_TRUE(box);
  {
    const auto first = try_lock_box(*box, "it");
    ASSERT_TRUE(first && *first);
    const auto second = try_lock_box(*box, "it");
    ASSERT_TRUE(second);
    EXPECT_FALSE(*second);
  }
  const auto third = try_lock_box(*box, "it");
  EXPECT_TRUE(third && *third);
}

TEST_F(BoxDirectory, IsNotReachedThroughASymlink) {
  std::filesystem::create_directory_symlink(path_, folder_ + "/link");
  EXPECT_FALSE(open_box(folder_ + "/link", "it"));
}

TEST_F(BoxDirectory, ThatIsNotThereIsAFaultThatSaysWhatToDo) {
  const auto box = open_box(folder_ + "/none", "box 'none'");
  ASSERT_FALSE(box);
  EXPECT_EQ(box.error().what, "box 'none'");
  EXPECT_NE(box.error().remedy.find("fusebox boxes"), std::string::npos);
}

}  // namespace
}  // namespace fusebox
