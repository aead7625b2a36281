#include "review/tree.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include "review/remove.h"
#include "temp_tree.h"

namespace fusebox::review {
namespace {

TEST(Tree, PathsAreTakenApartAndPutTogether) {
  EXPECT_EQ(join("", "a"), "a");
  EXPECT_EQ(join("a/b", "c"), "a/b/c");
  EXPECT_EQ(parent_of("a/b/c"), "a/b");
  EXPECT_EQ(parent_of("a"), "");
  EXPECT_EQ(name_of("a/b"), "b");
  EXPECT_TRUE(is_within("etc/motd", "etc"));
  EXPECT_TRUE(is_within("etc", ""));
  EXPECT_FALSE(is_within("etcetera", "etc"));
}

TEST(Tree, FollowsNoSymlinkWhereverItStands) {
  const TempTree temp;
  temp.write("dir/file", "text");
  std::filesystem::create_directory_symlink("dir", temp.path("link"));
  std::filesystem::create_symlink("/etc/passwd", temp.path("out"));
  const Tree tree = temp.tree();
  EXPECT_FALSE(tree.open("link/file", O_RDONLY));
  EXPECT_FALSE(tree.open("out", O_RDONLY));
  EXPECT_FALSE(tree.open("..", O_PATH));
  EXPECT_FALSE(tree.open("dir/../..", O_PATH));
  EXPECT_FALSE(tree.open("/etc/passwd", O_PATH));
  EXPECT_FALSE(tree.find("link/file").value());
  EXPECT_EQ(tree.find("link").value()->type(), static_cast<mode_t>(S_IFLNK));
  EXPECT_EQ(tree.readlink("out").value(), "/etc/passwd");
}

TEST(Tree, OpensToReadWhatIsARegularFileAlone) {
  const TempTree temp;
  temp.write("dir/file", "text");
  std::filesystem::create_symlink("dir/file", temp.path("link"));
  ASSERT_EQ(::mkfifo(temp.path("fifo").c_str(), 0600), 0);
  const Tree tree = temp.tree();
  for (const char* name : {"dir", "link", "fifo"}) EXPECT_EQ(tree.open_file(name).error(), Errno::stale) << name;
  EXPECT_EQ(tree.open_file("absent").error(), Errno::no_entry);
  const Result<Fd> file = tree.open_file("dir/file");
  ASSERT_TRUE(file);
  char text[5] = {};
  EXPECT_EQ(::read(file->get(), text, sizeof text), 4);
  EXPECT_EQ(::write(file->get(), text, 1), -1);
  if (::mknod(temp.path("zero").c_str(), S_IFCHR | 0600, makedev(1, 5)) != 0) {
    GTEST_SKIP() << "no mknod(2) here: the last case, a device, was left out";
  }
  EXPECT_EQ(tree.open_file("zero").error(), Errno::stale);
}

TEST(Tree, ListsNamesInTheOrderOfTheirBytes) {
  const TempTree temp;
  for (const char* name : {"b", "a", "\xff", "A"}) temp.write(name, "");
  EXPECT_EQ(temp.tree().names("").value(), (std::vector<std::string>{"A", "a", "b", "\xff"}));
}

// Makes `depth` directories, one in the other, with a file in each.
void dig(const TempTree& temp, int depth, const std::string& name) {
  Fd directory = temp.open();
  for (int i = 0; i < depth; ++i) {
    ASSERT_EQ(::mkdirat(directory.get(), name.c_str(), 0700), 0);
    directory = Fd(::openat(directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(Fd(::openat(directory.get(), "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
  }
}

TEST(Tree, ReachesBeyondTheLengthOfAPathAndNotWithoutEnd) {
  const TempTree temp;
  const std::string name(200, 'x');
  dig(temp, 100, name);
  std::string path;
  for (int i = 0; i < 40; ++i) path = join(path, name);
  EXPECT_TRUE(temp.tree().find(join(path, "file")).value());
  for (int i = 0; i < 60; ++i) path = join(path, name);
  EXPECT_EQ(temp.tree().find(path).error(), Errno::name_too_long);
  EXPECT_TRUE(remove_tree(temp.open().get(), name));
}

TEST(RemoveTree, TakesAwayWhatIsDeeperThanItsDescriptorsAndItsStack) {
  const TempTree temp;
  dig(temp, 3000, "d");
  EXPECT_TRUE(remove_tree(temp.open().get(), "d"));
  EXPECT_FALSE(std::filesystem::exists(temp.path("d")));
}

TEST(RemoveTree, LeavesAloneWhatASymlinkLeadsTo) {
  const TempTree temp;
  temp.write("kept/file", "text");
  std::filesystem::create_directory(temp.path("gone"));
  std::filesystem::create_directory_symlink(temp.path("kept"), temp.path("gone/link"));
  EXPECT_TRUE(remove_tree(temp.open().get(), "gone"));
  EXPECT_TRUE(remove_tree(temp.open().get(), "gone")) << "what is not there is removed";
  EXPECT_EQ(temp.read("kept/file"), "text");
}

}  // namespace
}  // namespace fusebox::review
