// A folder of its own for each test, below the working directory: what runs in a box, or on a mirror, tests that place.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "fusebox/fd.h"

namespace fusebox::mounted {

class Place : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::current_path().string() + "/fusebox-posix-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr) << pattern;
    top_ = pattern;
    before_ = std::filesystem::current_path();
    ASSERT_EQ(chdir(top_.c_str()), 0);
    umask(022);
  }

  void TearDown() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(top_);
  }

  const std::string& top() const { return top_; }

 private:
  std::string top_;
  std::filesystem::path before_;
};

inline Fd open_file(const std::string& path, int flags, mode_t mode = 0644) {
  return Fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
}

inline void write_text(const std::string& path, const std::string& text) {
  const Fd file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
  ASSERT_TRUE(file) << path;
  ASSERT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

inline std::string text_of(const std::string& path) {
  const Fd file = open_file(path, O_RDONLY);
  std::string text(std::size_t{1} << 20, '\0');
  const ssize_t length = file ? ::read(file.get(), text.data(), text.size()) : -1;
  text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  return length < 0 ? "(unreadable)" : text;
}

inline struct stat status_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
  return status;
}

// 0, or the errno: EXPECT_EQ(error_of(unlink("x")), ENOENT).
inline int error_of(long result) { return result < 0 ? errno : 0; }

inline bool exists(const std::string& path) {
  return faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

// Runs `work` in a child; its exit status, or 128 plus the signal.
inline int in_child(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The same as another user; skips the test unless root runs it.
inline int as_user(uid_t uid, gid_t gid, const std::function<int()>& work) {
  return in_child([&] {
    if (setgroups(0, nullptr) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) return 99;
    return work();
  });
}

}  // namespace fusebox::mounted
