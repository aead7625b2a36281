// A scratch directory for one test, as a Tree.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "review/tree.h"

namespace fusebox::review {

class TempTree {
 public:
  TempTree() {
    std::string name = ::testing::TempDir() + "fusebox-review-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;
  ~TempTree() { std::filesystem::remove_all(path_); }

  std::string path(const std::string& below = "") const { return path_ + "/" + below; }
  Tree tree() const { return Tree(Fd(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))); }
  Fd open() const { return Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name)) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_;
};

}  // namespace fusebox::review
