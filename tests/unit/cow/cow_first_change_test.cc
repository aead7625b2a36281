// A store whose box is opened by the first change.
#include <sys/xattr.h>

#include <atomic>
#include <thread>

#include "unit/cow/cow_fixture.h"

namespace fusebox {
namespace {

using Strings = std::vector<std::string>;

class CowFirstChange : public CowStoreTest {
 protected:
  Outcome<std::unique_ptr<CowStore>> make_store(Fd root) override {
    const auto open = [this]() -> Outcome<Fd> {
      ++opened;
      if (!has_place) return std::unexpected(Fault{.what = "box", .why = "no place", .remedy = {}});
      return open_box();
    };
    return CowStore::create(std::move(root), OpenChanges(open), {});
  }
  Strings in_box() const {
    Strings found;
    for (const auto& entry : std::filesystem::directory_iterator(box.path())) found.push_back(entry.path().filename());
    return found;
  }

  std::atomic<int> opened{0};
  bool has_place = true;
};

TEST_F(CowFirstChange, LookingOpensNoBox) {
  ::mkdir((host / "directory").c_str(), 0755);
  write_file(host / "directory/file", "hello");
  EXPECT_EQ(::link((host / "directory/file").c_str(), (host / "second").c_str()), 0);
  EXPECT_EQ(contents("directory/file"), "hello");
  EXPECT_EQ(contents("second"), "hello");
  EXPECT_EQ(names("", true), (Strings{"directory", "second"}));
  EXPECT_FALSE(is_there("missing"));
  EXPECT_TRUE(root()->statfs(request).run().has_value());
  std::array<std::byte, 8> into{};
  EXPECT_FALSE(node("second")->getxattr(request, "user.word", into).run().has_value());
  EXPECT_TRUE(node("second")->listxattr(request, {}).run().has_value());
  EXPECT_GT(store->stats().nodes, 0U);
  EXPECT_EQ(opened, 0);
  EXPECT_EQ(in_box(), Strings{});
}

TEST_F(CowFirstChange, WhatWasOpenBeforeGoesOnWithTheCopy) {
  write_file(host / "file", "hello");
  const Ref<Handle> reader = open("file", O_RDONLY);
  const Result<Attr> before = attributes(root());
  write_to("file", "changed");
  EXPECT_EQ(read_all(reader), "changed");
  EXPECT_EQ(read_file(host / "file"), "hello");
  EXPECT_EQ(read_file(upper("file")), "changed");
  const Result<Attr> after = attributes(root());
  EXPECT_EQ(after->ino, before->ino);
  EXPECT_EQ(after->mode, before->mode);
  EXPECT_EQ(after->mtime.tv_nsec, before->mtime.tv_nsec);
}

TEST_F(CowFirstChange, AnyKindOfChangeOpensTheBoxAndItIsOpenedOnce) {
  ::mkdir((host / "directory").c_str(), 0755);
  for (const char* name : {"attributes", "marked", "removed", "moved", "linked"}) write_file(host / name, "text");
  const std::vector<std::function<void()>> changes = {
      [&] { create("directory", "new", "text"); },
      [&] { EXPECT_TRUE(change("attributes", {.mode = 0600}).has_value()); },
      [&] { EXPECT_TRUE(unlink("", "removed").has_value()); },
      [&] { EXPECT_TRUE(rename("", "moved", "directory", "moved").has_value()); },
      [&] { EXPECT_TRUE(node("directory")->link(request, node("linked"), name_of("linked")).run().has_value()); },
      [&] { EXPECT_TRUE(node("marked")->setxattr(request, "user.word", {}, 0).run().has_value()); },
      [&] { EXPECT_TRUE(node("directory")->symlink(request, name_of("symlink"), "file").run().has_value()); },
  };
  for (std::size_t first = 0; first < changes.size(); ++first) {
    std::filesystem::remove_all(box / "upper");
    std::filesystem::remove_all(box / "work");
    open_store();
    opened = 0;
    for (std::size_t i = 0; i < changes.size(); ++i) changes[(first + i) % changes.size()]();
    EXPECT_EQ(opened, 1) << first;
  }
  EXPECT_TRUE(std::filesystem::exists(host / "removed"));
  EXPECT_TRUE(std::filesystem::is_empty(host / "directory"));
}

TEST_F(CowFirstChange, OfManyThreadsOneOpensTheBox) {
  for (int i = 0; i < 8; ++i) write_file(host / ("file" + std::to_string(i)), "text");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] { write_to("file" + std::to_string(i), "changed"); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 1);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(read_file(upper("file" + std::to_string(i))), "changed");
}

TEST_F(CowFirstChange, WithoutAPlaceForItAChangeIsRefusedAndTheHostLeftAlone) {
  has_place = false;
  write_file(host / "file", "hello");
  EXPECT_EQ(node("file")->open(request, O_WRONLY).run().error(), Errno::access);
  EXPECT_EQ(unlink("", "file").error(), Errno::access);
  EXPECT_EQ(root()->mkdir(request, name_of("new"), {.mode = S_IFDIR | 0755, .umask = 0}).run().error(), Errno::access);
  EXPECT_EQ(contents("file"), "hello");
  EXPECT_EQ(names(""), Strings{"file"});
}

}  // namespace
}  // namespace fusebox
