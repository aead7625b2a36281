#include "base/real_paths.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace fusebox {
namespace {

namespace fs = std::filesystem;

class RealPath : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    folder_ = fs::canonical(folder_);
    fs::create_directories(folder_ + "/real/deep");
    std::ofstream(folder_ + "/real/file") << "text";
    fs::create_directory_symlink("real", folder_ + "/link");
    fs::create_directory_symlink("../link/deep", folder_ + "/real/again");
    fs::create_symlink("nowhere", folder_ + "/dangling");
    fs::create_symlink("loop", folder_ + "/loop");
  }
  void TearDown() override { fs::remove_all(folder_); }

  // What realpath(3) says, which is the promise.
  std::optional<std::string> expected(const std::string& path) {
    char* const text = ::realpath((folder_ + path).c_str(), nullptr);
    std::optional<std::string> real = text == nullptr ? std::nullopt : std::optional<std::string>(text);
    ::free(text);
    return real;
  }

  std::string folder_ = ::testing::TempDir() + "fusebox-paths-XXXXXX";
  RealPaths paths_;
};

TEST_F(RealPath, IsThatOfRealpath) {
  for (const std::string path : {"",
                                 "/",
                                 "/real",
                                 "/real/",
                                 "/real/file",
                                 "/real/file/below",
                                 "/link",
                                 "/link/file",
                                 "/link/again/",
                                 "/link/deep",
                                 "/real/again",
                                 "/link/again/../file",
                                 "/./link//deep",
                                 "/real/missing",
                                 "/real/missing/below",
                                 "/missing/..",
                                 "/dangling",
                                 "/dangling/below",
                                 "/loop",
                                 "/loop/below"}) {
    EXPECT_EQ(paths_.of(folder_ + path), expected(path)) << path;
  }
  EXPECT_EQ(paths_.of("/"), "/");
  EXPECT_EQ(paths_.of("/tmp/.."), "/");
}

TEST_F(RealPath, IsLookedAtOnce) {
  EXPECT_EQ(paths_.of(folder_ + "/link/deep"), folder_ + "/real/deep");
  fs::remove_all(folder_ + "/real");
  EXPECT_EQ(paths_.of(folder_ + "/link/deep"), folder_ + "/real/deep");
  EXPECT_EQ(RealPaths().of(folder_ + "/link/deep"), std::nullopt);
}

TEST_F(RealPath, OfWhatIsNoPathIsNone) {
  EXPECT_EQ(paths_.of(folder_ + "/" + std::string(300, 'x')), std::nullopt);
  EXPECT_EQ(paths_.of("/" + std::string(5000, 'x')), std::nullopt);
}

}  // namespace
}  // namespace fusebox
