// Listings.
#include "unit/store/store_fixture.h"

namespace fusebox {
namespace {

class Listing : public HostStoreTest {
 protected:
  void make_files(int count) {
    for (int i = 0; i < count; ++i) write_file(host / ("file" + std::to_string(i)), "");
  }
};

TEST_F(Listing, HasTheNamesTypesAndNumbersOfTheHost) {
  write_file(host / "file", "");
  ::mkdir((host / "directory").c_str(), 0755);
  make_symlink("x", host / "symlink");
  for (const bool with_entries : {false, true}) {
    const auto listed = list(root(), with_entries);
    ASSERT_EQ(listed.size(), 5U);
    EXPECT_EQ(listed.at("file").type, DT_REG);
    EXPECT_EQ(listed.at("directory").type, DT_DIR);
    EXPECT_EQ(listed.at("symlink").type, DT_LNK);
    for (const char* name : {"file", "directory", "symlink"}) {
      EXPECT_EQ(listed.at(name).ino, stat_of(host / name).st_ino);
    }
  }
}

TEST_F(Listing, TheDotsHaveTheNumbersThatStatShows) {
  ::mkdir((host / "d").c_str(), 0755);
  const auto listed = list(node("d"), true);
  EXPECT_EQ(listed.at(".").ino, attributes(node("d"))->ino);
  EXPECT_EQ(listed.at("..").ino, attributes(root())->ino);
  EXPECT_EQ(list(root(), false).at("..").ino, attributes(root())->ino);
}

TEST_F(Listing, EntriesAreTheNodesThatALookupFinds) {
  make_files(3);
  const Ref<Node> first = node("file1");
  const auto listed = list(root(), true);
  EXPECT_EQ(listed.at("file1").entry.node, first);
  EXPECT_EQ(listed.at("file2").entry.node, node("file2"));
  EXPECT_EQ(listed.at(".").entry.node, nullptr);
}

TEST_F(Listing, GoesOnWhereItStopped) {
  make_files(500);
  for (const std::size_t room : {std::size_t{1}, std::size_t{7}, std::size_t{300}}) {
    const Result<Opened> opened = root()->opendir(request).run();
    std::vector<std::string> names;
    for (std::uint64_t offset = 0;;) {
      ListSink sink(false, room);
      ASSERT_TRUE(opened->handle->readdir(request, offset, sink).run().has_value());
      if (sink.order.empty()) break;
      names.insert(names.end(), sink.order.begin(), sink.order.end());
      offset = sink.last;
    }
    std::ranges::sort(names);
    EXPECT_EQ(names.size(), 502U);
    EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  }
}

TEST_F(Listing, CanGoBackToAnyOffset) {
  make_files(100);
  const Result<Opened> opened = root()->opendir(request).run();
  ListSink all(false);
  ASSERT_TRUE(opened->handle->readdir(request, 0, all).run().has_value());
  for (const std::size_t at : {std::size_t{90}, std::size_t{3}, std::size_t{50}}) {
    ListSink rest(false);
    const std::uint64_t offset = all.listed.at(all.order[at]).next;
    ASSERT_TRUE(opened->handle->readdir(request, offset, rest).run().has_value());
    EXPECT_EQ(rest.order,
              std::vector<std::string>(all.order.begin() + static_cast<std::ptrdiff_t>(at) + 1, all.order.end()));
  }
}

TEST_F(Listing, ARewindSeesWhatIsNew) {
  make_files(2);
  const Result<Opened> opened = root()->opendir(request).run();
  ListSink before(false);
  ASSERT_TRUE(opened->handle->readdir(request, 0, before).run().has_value());
  write_file(host / "late", "");
  ListSink after(false);
  ASSERT_TRUE(opened->handle->readdir(request, 0, after).run().has_value());
  EXPECT_TRUE(after.listed.contains("late"));
}

TEST_F(Listing, SurvivesTheRemovalOfWhatItLists) {
  make_files(2000);
  const Result<Opened> opened = root()->opendir(request).run();
  std::size_t removed = 0;
  for (std::uint64_t offset = 0;;) {
    ListSink sink(true, 50);
    ASSERT_TRUE(opened->handle->readdir(request, offset, sink).run().has_value());
    if (sink.order.empty()) break;
    offset = sink.last;
    for (const std::string& name : sink.order) {
      if (name.starts_with("file")) removed += root()->unlink(request, name_of(name)).run().has_value() ? 1 : 0;
    }
  }
  EXPECT_EQ(removed, 2000U);
  EXPECT_TRUE(std::filesystem::is_empty(host.path()));
}

TEST_F(Listing, OfARemovedDirectoryIsEmpty) {
  ::mkdir((host / "d").c_str(), 0755);
  const Ref<Node> directory = node("d");
  const Result<Opened> opened = directory->opendir(request).run();
  ASSERT_TRUE(root()->rmdir(request, name_of("d")).run().has_value());
  ListSink sink(true);
  EXPECT_TRUE(opened->handle->readdir(request, 0, sink).run().has_value());
  EXPECT_EQ(attributes(directory)->nlink, 0U);
  EXPECT_EQ(look_up(directory, "x").error(), Errno::no_entry);
}

TEST_F(Listing, IsCachedOnlyOnceItsTimeStampCanBeTrusted) {
  write_file(host / "fresh", "");
  EXPECT_FALSE(root()->opendir(request).run()->cache_directory);
  ::usleep(30'000);
  EXPECT_TRUE(root()->opendir(request).run()->cache_directory);
}

}  // namespace
}  // namespace fusebox
