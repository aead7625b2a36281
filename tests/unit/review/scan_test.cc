// Uppers made by hand over a host made by hand: what needs neither a mount nor root.
#include "review/scan.h"

#include <sys/xattr.h>

#include "review/apply.h"
#include "temp_tree.h"

namespace fusebox::review {
namespace {

class Scanned : public ::testing::Test {
 protected:
  std::string lines(Thoroughness thoroughness = Thoroughness::exact) {
    std::string text;
    const auto changes = scan(layers(), thoroughness, [](std::string_view) {});
    if (!changes) return changes.error().line();
    for (const Change& change : *changes) text += to_line(change);
    return text;
  }

  Layers layers() const { return {.upper = upper_tree_, .host = host_tree_, .space = Namespace::user, .created = {}}; }

  // As a copy-up would: with the host's times.
  void copy_up(const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(upper_.path(name)).parent_path());
    std::filesystem::copy_file(host_.path(name), upper_.path(name));
    same_times(name);
  }
  void same_times(const std::string& name) const {
    struct stat status{};
    ASSERT_EQ(::stat(host_.path(name).c_str(), &status), 0);
    const timespec times[2] = {status.st_atim, status.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, upper_.path(name).c_str(), times, 0), 0);
  }

  void mark(const std::string& name, const char* attribute, const std::string& value) const {
    ASSERT_EQ(::setxattr(upper_.path(name).c_str(), attribute, value.data(), value.size(), 0), 0) << ::strerror(errno);
  }

  TempTree host_;
  TempTree upper_;
  TempTree work_;
  Tree host_tree_ = host_.tree();
  Tree upper_tree_ = upper_.tree();
};

TEST_F(Scanned, ACopyThatEqualsItsOriginalIsNoChange) {
  host_.write("dir/file", "text");
  copy_up("dir/file");
  EXPECT_EQ(lines(), "");
  upper_.write("dir/file", "test");
  EXPECT_TRUE(lines().starts_with("changed   /dir/file  (content")) << lines();
}

TEST_F(Scanned, BytesAreReadUnlessItMayBeQuick) {
  host_.write("file", "text");
  upper_.write("file", "test");
  same_times("file");
  EXPECT_EQ(lines(Thoroughness::quick), "");
  EXPECT_EQ(lines(), "changed   /file  (content)\n");
}

TEST_F(Scanned, AnOpaqueDirectoryHidesWhatOnlyTheHostHas) {
  host_.write("dir/gone", "");
  host_.write("dir/kept/gone", "");
  std::filesystem::create_directories(upper_.path("dir/kept"));
  mark("dir", "user.overlay.opaque", "y");
  EXPECT_EQ(lines(), "removed   /dir/gone\nremoved   /dir/kept/gone\n");
}

TEST_F(Scanned, ARenamedDirectoryIsComparedWithItsOldPlace) {
  host_.write("old/same", "");
  host_.write("old/file", "a");
  upper_.write("new/file", "b");
  mark("new", "user.overlay.redirect", "/old");
  // Whether their times differ is up to the clock.
  EXPECT_TRUE(lines().starts_with("renamed   /old/ -> /new/\nchanged   /new/file  (content")) << lines();
}

TEST_F(Scanned, NamesOfOneFileBelongTogether) {
  host_.write("a", "text");
  copy_up("a");
  std::filesystem::create_hard_link(upper_.path("a"), upper_.path("b"));
  host_.write("b", "text");
  const timespec times[2] = {host_tree_.find("a").value()->mtime, host_tree_.find("a").value()->mtime};
  ASSERT_EQ(::utimensat(AT_FDCWD, host_.path("b").c_str(), times, 0), 0);
  EXPECT_EQ(lines(), "changed   /b  (links)\n");
}

TEST_F(Scanned, ItIsSaidWhereTheHostHasOtherNamesOfAChangedFile) {
  host_.write("a", "text");
  std::filesystem::create_hard_link(host_.path("a"), host_.path("b"));
  upper_.write("a", "more text");
  same_times("a");
  EXPECT_EQ(lines(), "changed   /a  (content)  [one of 2 names on the host]\n");
}

TEST_F(Scanned, AnInterruptedApplyGoesOnFromEveryPlace) {
  host_.write("file", "old");
  upper_.write("file", "new");
  upper_.write("dir/below", "new");
  const Tree work = work_.tree();
  Layers now = layers();
  now.created = {.tv_sec = 1, .tv_nsec = 0};
  auto changes = scan(now, Thoroughness::exact, [](std::string_view) {});
  ASSERT_TRUE(changes);
  now.interrupted = true;
  std::ofstream(host_.path(".fusebox-word-" + std::to_string(upper_tree_.find("file").value()->inode))) << "half";
  const auto applied = apply(now, work, "word", *std::move(changes), {.force = true}, [](std::string_view) {});
  ASSERT_TRUE(applied) << applied.error().line();
  EXPECT_EQ(host_.read("file"), "new");
  EXPECT_EQ(host_tree_.names("").value(), (std::vector<std::string>{"dir", "file"}));
  EXPECT_EQ(upper_tree_.names("").value(), std::vector<std::string>());
}

TEST_F(Scanned, APathWithoutAChangeCannotBeChosen) {
  upper_.write("file", "new");
  auto changes = scan(layers(), Thoroughness::exact, [](std::string_view) {});
  EXPECT_FALSE(select(*changes, {.paths = {"other"}}));
  EXPECT_TRUE(select(*changes, {.paths = {"file"}}));
}

}  // namespace
}  // namespace fusebox::review
