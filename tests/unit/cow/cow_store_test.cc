// What changes in a merged tree, and what must not.
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <barrier>
#include <thread>

#include "unit/cow/cow_fixture.h"

namespace fusebox {
namespace {

using Strings = std::vector<std::string>;

constexpr unsigned kNoReplace = 1;
constexpr unsigned kExchange = 2;

TEST_F(CowStoreTest, WithoutAChangeNothingIsCopied) {
  write_file(host / "file", "hello");
  EXPECT_EQ(contents("file"), "hello");
  EXPECT_EQ(names(""), Strings{"file"});
  EXPECT_FALSE(is_in_upper("file"));
}

// Under the thread sanitizer: whoever finds a node finds it whole.
TEST_F(CowStoreTest, ManyThreadsThatFindAFileAtOnceGetOneNode) {
  constexpr int kFiles = 200;
  constexpr std::size_t kThreads = 4;
  for (int i = 0; i < kFiles; ++i) write_file(host / std::to_string(i), "x");
  std::array<std::vector<Ref<Node>>, kThreads> found;
  std::barrier<> together(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kFiles; ++i) {
          together.arrive_and_wait();
          found[t].push_back(node(std::to_string(i)));
        }
      });
    }
  }
  for (std::size_t t = 1; t < kThreads; ++t) EXPECT_EQ(found[t], found[0]);
}

TEST_F(CowStoreTest, AWriteChangesTheCopyAndNotTheHost) {
  ::mkdir((host / "a").c_str(), 0755);
  write_file(host / "a/file", "hello");
  const struct stat before = stat_of(host / "a/file");
  write_to("a/file", "changed");
  EXPECT_EQ(contents("a/file"), "changed");
  EXPECT_EQ(read_file(host / "a/file"), "hello");
  EXPECT_EQ(stat_of(host / "a/file").st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(read_file(upper("a/file")), "changed");
}

TEST_F(CowStoreTest, ACopyHasEverythingThatTheFileHad) {
  SKIP_WITHOUT_ROOT();
  const Fd file(::open((host / "file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(::ftruncate(file.get(), 8 << 20), 0);
  ASSERT_EQ(::pwrite(file.get(), "middle", 6, 4 << 20), 6);
  ASSERT_EQ(::fchown(file.get(), 12, 34), 0);
  ASSERT_EQ(::fchmod(file.get(), 04751), 0);
  ASSERT_EQ(::fsetxattr(file.get(), "user.word", "value", 5, 0), 0);
  const timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 111}, {.tv_sec = 2000, .tv_nsec = 222}};
  ASSERT_EQ(::futimens(file.get(), times), 0);
  const std::uint64_t number = walk("file")->attr.ino;
  // A change of the times alone, to what they are.
  SetAttr same;
  same.mtime = SetTime{.now = false, .moment = times[1]};
  ASSERT_TRUE(change("file", same).has_value());
  const struct stat copy = stat_of(upper("file"));
  EXPECT_EQ(copy.st_mode & 07777, 04751U);
  EXPECT_EQ(copy.st_uid, 12U);
  EXPECT_EQ(copy.st_gid, 34U);
  EXPECT_EQ(copy.st_size, 8 << 20);
  EXPECT_LT(copy.st_blocks, 200);
  EXPECT_EQ(copy.st_mtim.tv_nsec, 222);
  EXPECT_EQ(copy.st_atim.tv_nsec, 111);
  char value[8] = {};
  EXPECT_EQ(::getxattr(upper("file").c_str(), "user.word", value, sizeof value), 5);
  EXPECT_EQ(walk("file")->attr.ino, number);
  EXPECT_EQ(number, stat_of(host / "file").st_ino);
}

TEST_F(CowStoreTest, AReaderThatCameBeforeSeesWhatIsWrittenAfter) {
  write_file(host / "file", "before");
  const Ref<Handle> reader = open("file", O_RDONLY);
  EXPECT_EQ(read_all(reader), "before");
  write_to("file", "after!");
  EXPECT_EQ(read_all(reader), "after!");
}

TEST_F(CowStoreTest, ARemovedFileLeavesAWhiteoutWhereTheHostHasIt) {
  write_file(host / "file", "hello");
  create("", "own", "mine");
  ASSERT_TRUE(unlink("", "file").has_value());
  ASSERT_TRUE(unlink("", "own").has_value());
  EXPECT_FALSE(is_there("file"));
  EXPECT_EQ(names(""), Strings{});
  EXPECT_TRUE(is_whiteout_there("file"));
  EXPECT_FALSE(is_in_upper("own"));
  EXPECT_EQ(read_file(host / "file"), "hello");
  open_store();
  EXPECT_FALSE(is_there("file"));
}

TEST_F(CowStoreTest, AFileMadeAfterAnotherWasRemovedIsANewOne) {
  write_file(host / "file", "old");
  const std::uint64_t old = walk("file")->attr.ino;
  ASSERT_TRUE(unlink("", "file").has_value());
  create("", "file", "new");
  EXPECT_EQ(contents("file"), "new");
  EXPECT_NE(walk("file")->attr.ino, old);
  EXPECT_EQ(names(""), Strings{"file"});
}

TEST_F(CowStoreTest, AnUnlinkedFileCanStillBeChanged) {
  write_file(host / "file", "hello");
  const Ref<Node> file = node("file");
  const Ref<Handle> reader = open("file", O_RDONLY);
  ASSERT_TRUE(unlink("", "file").has_value());
  EXPECT_EQ(attributes(file)->nlink, 0U);
  EXPECT_EQ(read_all(reader), "hello");
  SetAttr mode;
  mode.mode = 0600;
  const Result<Attr> changed = file->setattr(request, mode, reader).run();
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(changed->nlink, 0U);
  EXPECT_EQ(changed->mode & 07777, 0600U);
  EXPECT_EQ(read_all(reader), "hello");
  EXPECT_TRUE(is_whiteout_there("file"));
}

TEST_F(CowStoreTest, ANewDirectoryOverARemovedOneIsEmpty) {
  ::mkdir((host / "directory").c_str(), 0755);
  write_file(host / "directory/file", "hello");
  EXPECT_EQ(root()->rmdir(request, name_of("directory")).run().error(), Errno{ENOTEMPTY});
  ASSERT_TRUE(unlink("directory", "file").has_value());
  ASSERT_TRUE(root()->rmdir(request, name_of("directory")).run().has_value());
  EXPECT_FALSE(is_there("directory"));
  ASSERT_TRUE(root()->mkdir(request, name_of("directory"), {.mode = S_IFDIR | 0755, .umask = 0}).run().has_value());
  EXPECT_EQ(names("directory"), Strings{});
  open_store();
  EXPECT_EQ(names("directory"), Strings{});
}

TEST_F(CowStoreTest, AListingMergesBothLayers) {
  for (const char* name : {"one", "two", "three"}) write_file(host / name, name);
  create("", "four", "4");
  write_to("two", "2");
  ASSERT_TRUE(unlink("", "one").has_value());
  for (const bool with_entries : {false, true}) EXPECT_EQ(names("", with_entries), (Strings{"four", "three", "two"}));
}

TEST_F(CowStoreTest, AListingHasTheNumbersThatStatShows) {
  for (const char* name : {"one", "two"}) write_file(host / name, name);
  create("", "three", "3");
  write_to("two", "2");
  const Result<Opened> opened = root()->opendir(request).run();
  ListSink sink(false);
  ASSERT_TRUE(opened->handle->readdir(request, 0, sink).run().has_value());
  for (const char* name : {"one", "two", "three"}) EXPECT_EQ(sink.listed.at(name).ino, walk(name)->attr.ino) << name;
}

TEST_F(CowStoreTest, AListingGoesOnWhileTheDirectoryChanges) {
  for (int i = 0; i < 100; ++i) write_file(host / std::to_string(i), "");
  const Result<Opened> opened = root()->opendir(request).run();
  std::uint64_t offset = 0;
  std::size_t seen = 0;
  for (;;) {
    ListSink sink(true, 7);
    ASSERT_TRUE(opened->handle->readdir(request, offset, sink).run().has_value());
    if (sink.order.empty()) break;
    offset = sink.last;
    for (const std::string& name : sink.order) {
      if (name == "." || name == "..") continue;
      ++seen;
      ASSERT_TRUE(unlink("", name).has_value());
    }
  }
  EXPECT_EQ(seen, 100U);
  EXPECT_EQ(names(""), Strings{});
}

TEST_F(CowStoreTest, NamesOfOneFileStayOneFile) {
  write_file(host / "one", "hello");
  ASSERT_EQ(::link((host / "one").c_str(), (host / "two").c_str()), 0);
  write_to("one", "changed");
  EXPECT_EQ(contents("two"), "changed");
  EXPECT_EQ(walk("one")->attr.ino, walk("two")->attr.ino);
  EXPECT_EQ(walk("one")->attr.nlink, 2U);
  ASSERT_TRUE(unlink("", "one").has_value());
  EXPECT_EQ(walk("two")->attr.nlink, 1U);
  open_store();
  EXPECT_EQ(contents("two"), "changed");
  EXPECT_EQ(walk("two")->attr.nlink, 1U);
  EXPECT_EQ(read_file(host / "two"), "hello");
}

TEST_F(CowStoreTest, ANewNameForAFileOfTheHostIsTheSameFile) {
  write_file(host / "one", "hello");
  const Result<Entry> made = root()->link(request, node("one"), name_of("two")).run();
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->attr.nlink, 2U);
  write_to("two", "changed");
  EXPECT_EQ(contents("one"), "changed");
  EXPECT_EQ(read_file(host / "one"), "hello");
}

TEST_F(CowStoreTest, AFileIsRenamed) {
  write_file(host / "one", "hello");
  write_file(host / "other", "other");
  const std::uint64_t number = walk("one")->attr.ino;
  EXPECT_EQ(rename("", "one", "", "other", kNoReplace).error(), Errno::exists);
  ASSERT_TRUE(rename("", "one", "", "other").has_value());
  EXPECT_EQ(names(""), Strings{"other"});
  EXPECT_EQ(contents("other"), "hello");
  EXPECT_EQ(walk("other")->attr.ino, number);
  open_store();
  EXPECT_EQ(names(""), Strings{"other"});
  EXPECT_EQ(walk("other")->attr.ino, number);
}

TEST_F(CowStoreTest, AMergedDirectoryIsRenamedWithAllThatIsInIt) {
  ::mkdir((host / "a").c_str(), 0755);
  ::mkdir((host / "a/below").c_str(), 0755);
  write_file(host / "a/below/file", "hello");
  write_file(host / "a/removed", "");
  ::mkdir((host / "empty").c_str(), 0755);
  create("a", "own", "mine");
  ASSERT_TRUE(unlink("a", "removed").has_value());
  EXPECT_EQ(rename("", "empty", "", "a").error(), Errno{ENOTEMPTY});
  ASSERT_TRUE(rename("", "a", "", "empty").has_value());
  EXPECT_EQ(names(""), Strings{"empty"});
  EXPECT_EQ(names("empty"), (Strings{"below", "own"}));
  EXPECT_EQ(contents("empty/below/file"), "hello");
  ASSERT_TRUE(rename("", "empty", "", "a").has_value());
  EXPECT_EQ(names("a"), (Strings{"below", "own"}));
  open_store();
  EXPECT_EQ(names("a"), (Strings{"below", "own"}));
  EXPECT_EQ(names(""), Strings{"a"});
}

TEST_F(CowStoreTest, TwoNamesChangePlaces) {
  ::mkdir((host / "directory").c_str(), 0755);
  write_file(host / "directory/inside", "");
  write_file(host / "file", "hello");
  ASSERT_TRUE(rename("", "directory", "", "file", kExchange).has_value());
  EXPECT_EQ(contents("directory"), "hello");
  EXPECT_EQ(names("file"), Strings{"inside"});
}

TEST_F(CowStoreTest, LinkCountsOfDirectoriesAreThoseOfAPlainFileSystem) {
  for (const char* name : {"a", "a/one", "a/two", "a/three"}) ::mkdir((host / name).c_str(), 0755);
  EXPECT_EQ(walk("a")->attr.nlink, 5U);
  ASSERT_TRUE(node("a")->rmdir(request, name_of("one")).run().has_value());
  EXPECT_EQ(walk("a")->attr.nlink, 4U);
  ASSERT_TRUE(node("a")->mkdir(request, name_of("four"), {.mode = S_IFDIR | 0755, .umask = 0}).run().has_value());
  ASSERT_TRUE(node("a/two")->create(request, name_of("x"), {.mode = 0644, .umask = 0}, O_RDWR).run().has_value());
  EXPECT_EQ(walk("a")->attr.nlink, 5U);
  EXPECT_EQ(attributes(node("a"))->nlink, 5U);
}

TEST_F(CowStoreTest, TheTimesOfADirectoryStayWhenSomethingInItIsCopied) {
  ::mkdir((host / "a").c_str(), 0755);
  write_file(host / "a/file", "hello");
  const timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 1}, {.tv_sec = 2000, .tv_nsec = 2}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (host / "a").c_str(), times, 0), 0);
  write_to("a/file", "changed");
  EXPECT_EQ(walk("a")->attr.mtime.tv_sec, 2000);
  create("a", "new", "");
  EXPECT_GT(walk("a")->attr.mtime.tv_sec, 2000);
}

TEST_F(CowStoreTest, TheMarksOfTheUpperDirectoryAreNotForTheBox) {
  SKIP_WITHOUT_ROOT();
  write_file(host / "file", "hello");
  write_to("file", "changed");
  const Ref<Node> file = node("file");
  const std::string own = "trusted.overlay.opaque";
  ASSERT_TRUE(file->setxattr(request, own, std::as_bytes(std::span("y", 1)), 0).run().has_value());
  std::array<std::byte, 256> room{};
  const Result<std::size_t> length = file->listxattr(request, room).run();
  ASSERT_TRUE(length.has_value());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(room.data()), *length), own + '\0');
  EXPECT_LT(::getxattr(upper("file").c_str(), own.c_str(), nullptr, 0), 0);
  EXPECT_EQ(file->getxattr(request, own, room).run(), 1U);
}

class CowStoreWithDeviceNodes : public CowStoreTest {
 protected:
  Outcome<std::unique_ptr<CowStore>> make_store(Fd root) override {
    HostStoreOptions options;
    options.device_nodes = DeviceNodes::made;
    return CowStore::create(std::move(root), open_box(), std::move(options));
  }
  Result<Entry> make_node(const Ref<Node>& directory, const std::string& name, mode_t type, dev_t device) {
    return directory->mknod(request, name_of(name), {.mode = type | 0600, .umask = 0}, device).run();
  }
};

TEST_F(CowStoreWithDeviceNodes, TheyAreMadeAsideAndNotInPlace) {
  SKIP_WITHOUT_ROOT();
  const Result<Entry> made = make_node(root(), "null", S_IFCHR, makedev(1, 3));
  if (!made && made.error() == Errno::not_permitted) GTEST_SKIP() << "no mknod(2) here";
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->attr.rdev, makedev(1, 3));
  EXPECT_EQ(stat_of(upper("null")).st_rdev, makedev(1, 3));
  EXPECT_EQ(make_node(CowStore::in_place(root()), "other", S_IFCHR, makedev(1, 3)).error(), Errno::not_permitted);
  EXPECT_FALSE(std::filesystem::exists(host / "null") || std::filesystem::exists(host / "other"));
}

TEST_F(CowStoreWithDeviceNodes, AWhiteoutIsNotMadeForACaller) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(make_node(root(), "gone", S_IFCHR, 0).error(), Errno::not_permitted);
  EXPECT_FALSE(is_in_upper("gone"));
}

TEST_F(CowStoreTest, ANodeOfTheHostThatLooksLikeAWhiteoutIsNotCopied) {
  if (::mknod((host / "node").c_str(), S_IFCHR | 0600, 0) != 0) GTEST_SKIP() << "no mknod(2) here";
  EXPECT_EQ(change("node", {.mode = 0644}).error(), Errno::not_permitted);
  EXPECT_EQ(rename("", "node", "", "moved").error(), Errno::not_permitted);
  EXPECT_TRUE(is_there("node"));
  EXPECT_FALSE(is_in_upper("node"));
  ASSERT_EQ(::link((host / "node").c_str(), (host / "linked").c_str()), 0);
  EXPECT_TRUE(unlink("", "node"));
  EXPECT_FALSE(is_there("node"));
  EXPECT_TRUE(is_there("linked"));
}

TEST_F(CowStoreTest, WhatMayGoToTheHostGoesThere) {
  ::mkdir((host / "a").c_str(), 0755);
  write_file(host / "a/file", "hello");
  const Ref<Node> file = CowStore::in_place(node("a/file"));
  const Result<Opened> opened = file->open(request, O_WRONLY | O_TRUNC).run();
  ASSERT_TRUE(opened->handle->write(request, 0, std::as_bytes(std::span("there", 5))).run().has_value());
  EXPECT_EQ(read_file(host / "a/file"), "there");
  EXPECT_EQ(contents("a/file"), "there");
  const Ref<Node> directory = CowStore::in_place(node("a"));
  ASSERT_TRUE(directory->mkdir(request, name_of("new"), {.mode = S_IFDIR | 0755, .umask = 0}).run().has_value());
  ASSERT_TRUE(directory->rename(request, name_of("file"), directory, name_of("moved"), 0).run().has_value());
  EXPECT_EQ(names("a"), (Strings{"moved", "new"}));
  EXPECT_EQ(read_file(host / "a/moved"), "there");
  EXPECT_FALSE(is_in_upper("a"));
}

}  // namespace
}  // namespace fusebox
