// FIFOs and sockets of the host, shown by somebody who only writes down what he is asked to show.
#include <thread>
#include <utility>

#include "store/credentials.h"
#include "store/outside_watch.h"
#include "store_fixture.h"

namespace fusebox {
namespace {

using std::chrono::milliseconds;
using Paths = std::vector<std::string>;

class Showman final : public OutsideObjects {
 public:
  bool may_be_in(const std::string& directory) override {
    asked.push_back(directory);
    return !directory.starts_with("/readable");
  }
  bool may_show(const std::string& path) override { return path != "/denied"; }
  bool must_not_wait(pid_t tid, const std::string&) override { return tid == kMounter; }
  bool resume_elsewhere(std::coroutine_handle<>) override { return false; }  // here is as good
  bool show(int, const std::string& path) override {
    if (works) shown.push_back(path);
    return works;
  }
  void begin_to_show(int, const std::string& path) override { begun.push_back(path); }
  bool removes_a_name(pid_t tid) override { return tid == kRemover; }
  void withdraw(const std::string& path) override { withdrawn.push_back(path); }

  static constexpr pid_t kMounter = 1000001;
  static constexpr pid_t kRemover = 1000002;
  bool works = true;
  Paths asked;
  Paths shown;
  Paths begun;
  Paths withdrawn;
};

class OutsideObjectsOfAStore : public testing::Test {
 protected:
  void serve(Validity validity = milliseconds(50), KnownUsers users = KnownUsers::all) {
    auto made =
        HostStore::create(Fd(::open(host.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
                          {.attr_validity = validity, .users = users, .outside_objects = &showman, .grafts = {}});
    ASSERT_TRUE(made.has_value());
    store = *std::move(made);
  }

  void make_fifo(std::string_view name) { ASSERT_EQ(::mkfifo((host / name).c_str(), 0600), 0); }

  // The directory is about to be walked.
  Attr walk(const Ref<Node>& directory, pid_t tid = 0) {
    const Request request{.caller = {.tid = tid}};
    const Result<Attr> attr = directory->getattr(request, nullptr).run();
    EXPECT_TRUE(attr.has_value());
    return attr.value_or(Attr{});
  }
  Attr walk_root(pid_t tid = 0) { return walk(store->root(), tid); }

  Entry find(const std::string& name, pid_t tid = 0) {
    const Request request{.caller = {.tid = tid}};
    const Result<Entry> entry = store->root()->lookup(request, name_of(name)).run();
    EXPECT_TRUE(entry.has_value()) << name;
    return entry.value_or(Entry{});
  }

  // Until a change gives another mtime, and the next look is due.
  static void let_pass_an_interval() { std::this_thread::sleep_for(milliseconds(80)); }

  TempDirectory host;
  Showman showman;
  std::unique_ptr<HostStore> store;
};

TEST_F(OutsideObjectsOfAStore, AreShownBeforeAWalkThroughTheirDirectoryAndOnce) {
  make_fifo("pipe");
  write_file(host / "file", "x");
  serve();
  walk_root();
  walk_root();
  EXPECT_EQ(showman.shown, Paths{"/pipe"});
}

TEST_F(OutsideObjectsOfAStore, AreShownInADirectoryBelowByItsPath) {
  std::filesystem::create_directories(host / "a");
  make_fifo("a/pipe");
  serve();
  const Entry below = find("a");
  EXPECT_EQ(below.attr.valid_for, Validity::zero()) << "the kernel must ask again before it walks there";
  EXPECT_TRUE(showman.shown.empty()) << "its name is still being looked up";
  EXPECT_GT(walk(below.node).valid_for, Validity::zero());
  EXPECT_EQ(showman.shown, Paths{"/a/pipe"});
}

TEST_F(OutsideObjectsOfAStore, OfOneUserSendBackAFirstWalkThatMeetsThem) {
  std::filesystem::create_directories(host / "a");
  make_fifo("a/pipe");
  serve(milliseconds(50), KnownUsers::one);
  const Entry below = find("a");
  EXPECT_TRUE(showman.shown.empty()) << "its name is still being looked up";
  const Result<Entry> met = below.node->lookup({}, name_of("pipe")).run();
  ASSERT_FALSE(met.has_value());
  EXPECT_EQ(met.error(), Errno::stale);
  find("a");  // as the kernel asks then, which has the name by now
  EXPECT_EQ(showman.shown, Paths{"/a/pipe"});
  EXPECT_TRUE(below.node->lookup({}, name_of("pipe")).run().has_value());
}

TEST_F(OutsideObjectsOfAStore, OfOneUserAreShownToWhoMakesTheirDirectoryHis) {
  for (const char* name : {"entered", "opened"}) {
    std::filesystem::create_directories(host / name);
    make_fifo(std::string(name) + "/pipe");
  }
  serve(milliseconds(50), KnownUsers::one);
  EXPECT_TRUE(find("entered").node->access({}, X_OK).run().has_value());
  EXPECT_TRUE(find("opened").node->opendir(own_request()).run().has_value());
  EXPECT_EQ(showman.shown, (Paths{"/entered/pipe", "/opened/pipe"}));
}

TEST_F(OutsideObjectsOfAStore, AreNotLookedForWhereNoneMayBe) {
  std::filesystem::create_directories(host / "readable");
  make_fifo("readable/pipe");
  serve();
  const Entry known = find("readable");  // as the tree would
  for (int i = 0; i < 3; ++i) {
    const Entry below = find("readable");
    EXPECT_EQ(below.attr.valid_for, milliseconds(50));
    walk(below.node);
  }
  EXPECT_TRUE(showman.shown.empty());
  EXPECT_EQ(std::ranges::count(showman.asked, "/readable"), 1);
}

TEST_F(OutsideObjectsOfAStore, ThatMayNotBeUsedStayMirrored) {
  make_fifo("denied");
  serve();
  walk_root();
  EXPECT_TRUE(showman.shown.empty());
}

TEST_F(OutsideObjectsOfAStore, MadeLaterAreShownAfterTheInterval) {
  serve();
  let_pass_an_interval();
  walk_root();
  make_fifo("late");
  let_pass_an_interval();
  walk_root();
  EXPECT_EQ(showman.shown, Paths{"/late"});
}

TEST_F(OutsideObjectsOfAStore, ReplacedByOthersAreShownAnew) {
  make_fifo("pipe");
  serve();
  walk_root();
  let_pass_an_interval();
  ASSERT_EQ(::unlink((host / "pipe").c_str()), 0);
  make_fifo("pipe");
  walk_root();
  EXPECT_EQ(showman.shown, (Paths{"/pipe", "/pipe"}));
}

TEST_F(OutsideObjectsOfAStore, DoNotWaitForTheirOwnMounter) {
  make_fifo("pipe");
  serve();
  EXPECT_EQ(walk_root(Showman::kMounter).valid_for, Validity::zero());
  EXPECT_TRUE(showman.shown.empty());
}

TEST_F(OutsideObjectsOfAStore, AreNotThoseMadeInside) {
  serve();
  walk_root();
  const Result<Entry> made = store->root()->mknod({}, name_of("inside"), {.mode = S_IFIFO | 0600}, 0).run();
  ASSERT_TRUE(made.has_value());
  ASSERT_EQ(::rename((host / "inside").c_str(), (host / "moved").c_str()), 0);
  make_fifo("outside");
  let_pass_an_interval();
  walk_root();
  EXPECT_EQ(showman.shown, Paths{"/outside"});
}

TEST_F(OutsideObjectsOfAStore, AreNotLookedForAtOnceInADirectoryMadeInside) {
  serve();
  const Result<Entry> made = store->root()->mkdir({}, name_of("d"), {.mode = S_IFDIR | 0700}).run();
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->attr.valid_for, milliseconds(50)) << "it is empty: no question before the first walk";
  make_fifo("d/late");
  let_pass_an_interval();
  walk(made->node);
  EXPECT_EQ(showman.shown, Paths{"/d/late"});
}

TEST_F(OutsideObjectsOfAStore, ThatCannotBeShownAreTriedAFewTimes) {
  make_fifo("pipe");
  showman.works = false;
  serve(milliseconds(1));
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(milliseconds(3));
    walk_root();
  }
  showman.works = true;
  std::this_thread::sleep_for(milliseconds(50));
  walk_root();
  EXPECT_TRUE(showman.shown.empty()) << "given up until the directory changes";
}

TEST_F(OutsideObjectsOfAStore, AreWithdrawnForWhoeverRemovesThemAndNotShownAgain) {
  make_fifo("pipe");
  serve();
  walk_root();
  EXPECT_EQ(find("pipe").valid_for, Validity::zero()) << "a removal must be asked about";
  EXPECT_TRUE(showman.withdrawn.empty());
  find("pipe", Showman::kRemover);
  find("pipe", Showman::kRemover);
  EXPECT_EQ(showman.withdrawn, Paths{"/pipe"});
  make_fifo("other");
  let_pass_an_interval();
  walk_root();
  EXPECT_EQ(showman.shown, (Paths{"/pipe", "/other"}));
}

}  // namespace
}  // namespace fusebox
