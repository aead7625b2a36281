// Names and folders: rename with flags, nameless and removed files, limits, listings.
#include <dirent.h>
#include <linux/fs.h>

#include <climits>
#include <map>
#include <set>
#include <vector>

#include "mounted/place.h"

namespace fusebox::mounted {
namespace {

using Names = Place;

TEST_F(Names, ANamelessFileCanBeGivenAName) {
  const Fd file = open_file(".", O_TMPFILE | O_RDWR, 0640);
  if (!file) GTEST_SKIP() << "no O_TMPFILE here: errno " << errno;
  ASSERT_EQ(write(file.get(), "text", 4), 4);
  struct stat status{};
  ASSERT_EQ(fstat(file.get(), &status), 0);
  EXPECT_EQ(status.st_nlink, 0U);
  const std::string way = "/proc/self/fd/" + std::to_string(file.get());
  ASSERT_EQ(linkat(AT_FDCWD, way.c_str(), AT_FDCWD, "named", AT_SYMLINK_FOLLOW), 0) << errno;
  EXPECT_EQ(text_of("named"), "text");
  EXPECT_EQ(status_of("named").st_ino, status.st_ino);
  EXPECT_EQ(status_of("named").st_nlink, 1U);
  EXPECT_EQ(status_of("named").st_mode & 07777, 0640U);
}

TEST_F(Names, ANamelessFileWithExclCanNeverBeNamed) {
  const Fd file = open_file(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
  if (!file) GTEST_SKIP() << "no O_TMPFILE here: errno " << errno;
  const std::string way = "/proc/self/fd/" + std::to_string(file.get());
  EXPECT_EQ(error_of(linkat(AT_FDCWD, way.c_str(), AT_FDCWD, "named", AT_SYMLINK_FOLLOW)), ENOENT);
}

TEST_F(Names, RenameKnowsItsFlags) {
  write_text("a", "a");
  write_text("b", "b");
  EXPECT_EQ(error_of(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE)), EEXIST);
  EXPECT_EQ(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE), 0);
  ASSERT_EQ(renameat2(AT_FDCWD, "b", AT_FDCWD, "c", RENAME_EXCHANGE), 0);
  EXPECT_EQ(text_of("b") + text_of("c"), "ab");
  EXPECT_EQ(error_of(renameat2(AT_FDCWD, "b", AT_FDCWD, "none", RENAME_EXCHANGE)), ENOENT);
  ASSERT_EQ(mkdir("d", 0755), 0);
  ASSERT_EQ(mkdir("d/sub", 0755), 0);
  write_text("d/sub/file", "deep");
  ASSERT_EQ(renameat2(AT_FDCWD, "d", AT_FDCWD, "c", RENAME_EXCHANGE), 0);
  EXPECT_EQ(text_of("c/sub/file"), "deep");
  EXPECT_EQ(text_of("d"), "b");
}

TEST_F(Names, RenameRefusesWhatItMust) {
  ASSERT_EQ(mkdir("d", 0755), 0);
  ASSERT_EQ(mkdir("d/sub", 0755), 0);
  ASSERT_EQ(mkdir("full", 0755), 0);
  write_text("full/file", "x");
  write_text("file", "x");
  EXPECT_EQ(error_of(rename("d", "d/sub/inner")), EINVAL);
  EXPECT_EQ(error_of(rename("d", "full")), ENOTEMPTY);
  EXPECT_EQ(error_of(rename("d", "file")), ENOTDIR);
  EXPECT_EQ(error_of(rename("file", "d")), EISDIR);
  EXPECT_EQ(error_of(rename("none", "x")), ENOENT);
  EXPECT_EQ(rename("file", "file"), 0);
  ASSERT_EQ(link("file", "same"), 0);
  EXPECT_EQ(rename("file", "same"), 0);
  EXPECT_TRUE(exists("file"));  // two names of one file: rename(2) does nothing
}

TEST_F(Names, WhatIsOpenBelowAMovedFolderGoesOn) {
  ASSERT_EQ(mkdir("d", 0755), 0);
  write_text("d/f", "one");
  const Fd file = open_file("d/f", O_RDWR);
  ASSERT_EQ(rename("d", "e"), 0);
  EXPECT_EQ(text_of("e/f"), "one");
  ASSERT_EQ(pwrite(file.get(), "two", 3, 0), 3);
  EXPECT_EQ(text_of("e/f"), "two");
  EXPECT_FALSE(exists("d/f"));
}

TEST_F(Names, ARemovedFileLivesWhileItIsOpen) {
  write_text("f", "text");
  const Fd file = open_file("f", O_RDWR);
  const ino_t number = status_of("f").st_ino;
  ASSERT_EQ(unlink("f"), 0);
  write_text("f", "another");
  EXPECT_EQ(pwrite(file.get(), "TE", 2, 0), 2);
  EXPECT_EQ(ftruncate(file.get(), 3), 0);
  EXPECT_EQ(fchmod(file.get(), 0600), 0);
  struct stat status{};
  ASSERT_EQ(fstat(file.get(), &status), 0);
  EXPECT_EQ(status.st_nlink, 0U);
  EXPECT_EQ(status.st_size, 3);
  EXPECT_EQ(status.st_ino, number);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  std::string text(3, ' ');
  EXPECT_EQ(pread(file.get(), text.data(), 3, 0), 3);
  EXPECT_EQ(text, "TEx");
  EXPECT_EQ(text_of("f"), "another");
  for (const auto& entry : std::filesystem::directory_iterator(top())) {
    EXPECT_EQ(entry.path().filename().string().find(".fuse_hidden"), std::string::npos);
  }
}

TEST_F(Names, AFileReplacedByRenameLivesWhileItIsOpen) {
  write_text("old", "old");
  write_text("new", "new");
  const Fd file = open_file("old", O_RDONLY);
  ASSERT_EQ(rename("new", "old"), 0);
  std::string text(3, ' ');
  ASSERT_EQ(pread(file.get(), text.data(), 3, 0), 3);
  EXPECT_EQ(text, "old");
  EXPECT_EQ(text_of("old"), "new");
}

TEST_F(Names, ARemovedWorkingDirectoryIsEmpty) {
  ASSERT_EQ(mkdir("gone", 0755), 0);
  EXPECT_EQ(in_child([] {
              if (chdir("gone") != 0 || rmdir("../gone") != 0) return 1;
              std::string buffer(4096, ' ');
              if (getcwd(buffer.data(), buffer.size()) != nullptr || errno != ENOENT) return 2;
              if (open("new", O_CREAT | O_WRONLY, 0600) >= 0 || errno != ENOENT) return 3;
              if (mkdir("new", 0700) == 0 || errno != ENOENT) return 4;
              struct stat status{};
              if (stat(".", &status) != 0 || status.st_nlink != 0) return 5;
              DIR* folder = opendir(".");
              if (folder == nullptr) return 6;
              return readdir(folder) == nullptr ? 0 : 7;
            }),
            0);
}

TEST_F(Names, NamesMayHave255BytesAndPathsMoreThanFourThousand) {
  const std::string longest(NAME_MAX, 'n');
  write_text(longest, "x");
  EXPECT_EQ(text_of(longest), "x");
  const std::string longer(NAME_MAX + 1, 'n');
  EXPECT_EQ(error_of(open(longer.c_str(), O_CREAT | O_WRONLY, 0600)), ENAMETOOLONG);
  EXPECT_EQ(error_of(mkdir(longer.c_str(), 0700)), ENAMETOOLONG);
  struct stat status{};
  EXPECT_EQ(error_of(stat(longer.c_str(), &status)), ENAMETOOLONG);
  EXPECT_EQ(error_of(rename(longest.c_str(), longer.c_str())), ENAMETOOLONG);

  Fd folder = open_file(".", O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 20; ++depth) {
    ASSERT_EQ(mkdirat(folder.get(), std::string(250, 'd').c_str(), 0755), 0) << depth;
    folder = Fd(openat(folder.get(), std::string(250, 'd').c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(folder) << depth;
  }
  const Fd file(openat(folder.get(), "file", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_TRUE(file) << errno;
  EXPECT_EQ(write(file.get(), "deep", 4), 4);
  EXPECT_EQ(fstatat(folder.get(), "file", &status, 0), 0);
  EXPECT_EQ(status.st_size, 4);
}

TEST_F(Names, AnyByteButSlashAndZeroMayBeInAName) {
  std::set<std::string> names;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '/' || byte == '.') continue;
    names.insert(std::string(1, static_cast<char>(byte)));
  }
  for (const std::string& name : names) write_text(name, "x");
  std::set<std::string> listed;
  for (const auto& entry : std::filesystem::directory_iterator(".")) listed.insert(entry.path().filename().string());
  EXPECT_EQ(listed, names);
}

TEST_F(Names, ListingsAgreeWithStat) {
  for (int number = 0; number < 500; ++number) write_text("f" + std::to_string(number), "x");
  ASSERT_EQ(mkdir("folder", 0755), 0);
  ASSERT_EQ(symlink("f1", "link"), 0);
  ASSERT_EQ(mkfifo("pipe", 0600), 0);
  DIR* folder = opendir(".");
  ASSERT_NE(folder, nullptr);
  std::map<std::string, ino_t> numbers;
  while (const dirent* entry = readdir(folder)) {
    EXPECT_TRUE(numbers.emplace(entry->d_name, entry->d_ino).second) << entry->d_name << " twice";
    const struct stat status = status_of(entry->d_name);
    EXPECT_EQ(entry->d_ino, status.st_ino) << entry->d_name;
    EXPECT_EQ(DTTOIF(entry->d_type), status.st_mode & S_IFMT) << entry->d_name;
  }
  closedir(folder);
  EXPECT_EQ(numbers.size(), 505U);  // with "." and ".."
}

TEST_F(Names, AListingCanGoBack) {
  for (int number = 0; number < 300; ++number) write_text("f" + std::to_string(number), "");
  DIR* folder = opendir(".");
  ASSERT_NE(folder, nullptr);
  std::vector<std::pair<long, std::string>> places;
  for (long at = telldir(folder);; at = telldir(folder)) {
    const dirent* entry = readdir(folder);
    if (entry == nullptr) break;
    places.emplace_back(at, entry->d_name);
  }
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    seekdir(folder, place->first);
    const dirent* entry = readdir(folder);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->d_name, place->second);
  }
  rewinddir(folder);
  EXPECT_EQ(readdir(folder)->d_name, places[0].second);
  closedir(folder);
}

TEST_F(Names, TenThousandFilesCanBeRemovedWhileTheyAreListed) {
  constexpr int kFiles = 10'000;
  for (int number = 0; number < kFiles; ++number) {
    ASSERT_EQ(mknod(("f" + std::to_string(number)).c_str(), S_IFREG | 0600, 0), 0);
  }
  DIR* folder = opendir(".");
  ASSERT_NE(folder, nullptr);
  int removed = 0;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] == 'f') removed += unlink(entry->d_name) == 0 ? 1 : 0;
  }
  closedir(folder);
  EXPECT_EQ(removed, kFiles);
  EXPECT_TRUE(std::filesystem::is_empty("."));
}

TEST_F(Names, FoldersAndFilesAreRemovedAsTheyShouldBe) {
  ASSERT_EQ(mkdir("d", 0755), 0);
  write_text("d/f", "x");
  EXPECT_EQ(error_of(rmdir("d")), ENOTEMPTY);
  EXPECT_EQ(error_of(unlink("d")), EISDIR);
  EXPECT_EQ(error_of(rmdir("d/f")), ENOTDIR);
  EXPECT_EQ(error_of(rmdir("none")), ENOENT);
  EXPECT_EQ(error_of(mkdir("d", 0755)), EEXIST);
  EXPECT_EQ(error_of(open("d/f", O_CREAT | O_EXCL | O_WRONLY, 0600)), EEXIST);
  EXPECT_EQ(error_of(open("d/f/x", O_RDONLY)), ENOTDIR);
  EXPECT_EQ(error_of(open("d/f", O_RDONLY | O_DIRECTORY)), ENOTDIR);
  EXPECT_EQ(error_of(rmdir("d/.")), EINVAL);
  EXPECT_EQ(status_of("d").st_nlink, 2U);
  ASSERT_EQ(mkdir("d/sub", 0755), 0);
  EXPECT_EQ(status_of("d").st_nlink, 3U);
}

TEST_F(Names, LinksCountAndShare) {
  write_text("a", "text");
  ASSERT_EQ(link("a", "b"), 0);
  EXPECT_EQ(status_of("a").st_nlink, 2U);
  EXPECT_EQ(status_of("a").st_ino, status_of("b").st_ino);
  ASSERT_EQ(unlink("a"), 0);
  EXPECT_EQ(status_of("b").st_nlink, 1U);
  EXPECT_EQ(text_of("b"), "text");
  ASSERT_EQ(mkdir("d", 0755), 0);
  EXPECT_EQ(error_of(link("d", "e")), EPERM);
  EXPECT_EQ(error_of(link("b", "d")), EEXIST);
}

TEST_F(Names, SymlinksHoldAnyText) {
  const std::string target(4000, 't');
  ASSERT_EQ(symlink(target.c_str(), "long"), 0);
  std::string read(5000, ' ');
  EXPECT_EQ(readlink("long", read.data(), read.size()), 4000);
  EXPECT_EQ(readlink("long", read.data(), 10), 10);
  EXPECT_EQ(status_of("long").st_size, 4000);
  ASSERT_EQ(symlink("loop", "loop"), 0);
  EXPECT_EQ(error_of(open("loop", O_RDONLY)), ELOOP);
  EXPECT_EQ(error_of(open("long", O_RDONLY | O_NOFOLLOW)), ELOOP);
  EXPECT_EQ(error_of(readlink(".", read.data(), 10)), EINVAL);
}

}  // namespace
}  // namespace fusebox::mounted
