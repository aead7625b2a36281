// Which way data goes, as the kernel needs it told.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "unit/store/store_fixture.h"

namespace fusebox {
namespace {

// Plays the kernel's registry.
class FakeBacking final : public Backing {
 public:
  Result<std::int32_t> register_file(int fd) override {
    if (error) return fail(*error);
    const int flags = ::fcntl(fd, F_GETFL);
    if ((flags & O_ACCMODE) != O_RDONLY && (flags & O_PATH) == 0) ++writable;
    ++registered;
    ids.insert(++last);
    return last;
  }
  void unregister(std::int32_t id) override { EXPECT_EQ(ids.erase(id), 1U); }

  std::set<std::int32_t> ids;
  std::int32_t last = 0;
  int registered = 0;
  int writable = 0;
  std::optional<Errno> error;
};

class DataPaths : public HostStoreTest {
 protected:
  void SetUp() override {
    HostStoreOptions options;
    options.backing = &backing;
    open_store(std::move(options));
    write_file(host / "file", "text");
    ::usleep(30'000);  // until its time stamps tell changes
  }
  void TearDown() override {
    store.reset();
    EXPECT_TRUE(backing.ids.empty()) << "an id outlives the store";
  }

  Opened open(const std::string& path, int flags) {
    Result<Opened> opened = node(path)->open(request, flags).run();
    EXPECT_TRUE(opened.has_value()) << path;
    return opened ? *std::move(opened) : Opened{};
  }

  FakeBacking backing;
};

TEST_F(DataPaths, AWriterPassesThroughAndTheIdStaysForTheNext) {
  const Ref<Node> kept = node("file");
  std::int32_t id = 0;
  for (int i = 0; i < 3; ++i) {
    const Opened opened = open("file", O_WRONLY);
    EXPECT_EQ(opened.path, DataPath::passthrough);
    if (i == 0) id = opened.backing_id;
    EXPECT_EQ(opened.backing_id, id);
    EXPECT_GT(id, 0);
  }
  EXPECT_EQ(backing.registered, 1);
  EXPECT_EQ(backing.writable, 0) << "nobody could execute the file";
}

TEST_F(DataPaths, WhileItPassesThroughEveryOpenHasTheSameId) {
  const Opened writer = open("file", O_RDWR);
  const Opened reader = open("file", O_RDONLY);
  EXPECT_EQ(reader.path, DataPath::passthrough);
  EXPECT_EQ(reader.backing_id, writer.backing_id);
  EXPECT_EQ(read_all(reader.handle), "text");
}

TEST_F(DataPaths, WhileItIsCachedAWriterIsCachedToo) {
  const Opened reader = open("file", O_RDONLY);
  EXPECT_EQ(reader.path, DataPath::cached);
  const Opened writer = open("file", O_WRONLY);
  EXPECT_EQ(writer.path, DataPath::cached);
  EXPECT_EQ(backing.registered, 0);
}

TEST_F(DataPaths, AClosedFileChoosesAnew) {
  {
    const Opened reader = open("file", O_RDONLY);
  }
  {
    EXPECT_EQ(open("file", O_WRONLY).path, DataPath::passthrough);
  }
  EXPECT_EQ(open("file", O_RDONLY).path, DataPath::cached);
}

TEST_F(DataPaths, TheSecondReaderKeepsTheCache) {
  const Ref<Node> known = node("file");
  EXPECT_EQ(open("file", O_RDONLY).path, DataPath::cached);
  EXPECT_EQ(open("file", O_RDONLY).path, DataPath::keep_cached);
}

TEST_F(DataPaths, AChangeOutsideDropsTheCache) {
  const Ref<Node> known = node("file");
  EXPECT_EQ(open("file", O_RDONLY).path, DataPath::cached);
  write_file(host / "file", "TEXT");
  EXPECT_EQ(open("file", O_RDONLY).path, DataPath::cached);
  // The change is too young for its time stamp to tell the next one from it.
  write_file(host / "file", "tExT");
  EXPECT_EQ(open("file", O_RDONLY).path, DataPath::cached);
  ::usleep(30'000);
  EXPECT_EQ(open("file", O_RDONLY).path, DataPath::cached);
  EXPECT_EQ(open("file", O_RDONLY).path, DataPath::keep_cached);
}

TEST_F(DataPaths, AWriterInsideDropsTheCache) {
  const Ref<Node> known = node("file");
  EXPECT_EQ(open("file", O_RDONLY).path, DataPath::cached);
  {
    const Opened writer = open("file", O_WRONLY);
  }
  EXPECT_EQ(open("file", O_RDONLY).path, DataPath::cached);
}

TEST_F(DataPaths, ALargeFileIsReadBehindOurBack) {
  write_file(host / "large", "");
  ASSERT_EQ(::truncate((host / "large").c_str(), 4 << 20), 0);
  EXPECT_EQ(open("large", O_RDONLY).path, DataPath::passthrough);
}

TEST_F(DataPaths, ACreatedFilePassesThroughUntilItIsClosed) {
  auto made = root()->create(request, name_of("new"), {.mode = 0644, .umask = 0}, O_WRONLY).run();
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->opened.path, DataPath::passthrough);
  EXPECT_EQ(backing.ids.size(), 1U);
  made->opened.handle.reset();
  EXPECT_TRUE(backing.ids.empty()) << "it may hold the file open for writing";
}

TEST_F(DataPaths, AForgottenNodeTakesItsIdAlong) {
  {
    EXPECT_EQ(open("file", O_WRONLY).path, DataPath::passthrough);
  }
  EXPECT_TRUE(backing.ids.empty());
}

TEST_F(DataPaths, IdleIdsAreBounded) {
  std::vector<Ref<Node>> kept;
  for (int i = 0; i < 600; ++i) {
    const std::string name = "many" + std::to_string(i);
    write_file(host / name, "");
    kept.push_back(node(name));
    EXPECT_EQ(kept.back()->open(request, O_WRONLY).run()->path, DataPath::passthrough);
  }
  EXPECT_LE(backing.ids.size(), 512U);
  EXPECT_EQ(kept.front()->open(request, O_WRONLY).run()->path, DataPath::passthrough);
}

TEST_F(DataPaths, WhereTheKernelRefusesEverythingIsCachedAndNobodyAsksAgain) {
  backing.error = Errno::not_permitted;
  EXPECT_EQ(open("file", O_WRONLY).path, DataPath::cached);
  backing.error.reset();
  EXPECT_EQ(open("file", O_WRONLY).path, DataPath::cached);
  EXPECT_EQ(backing.registered, 0);
}

TEST_F(DataPaths, AFileThatCannotBeRegisteredIsCached) {
  backing.error = Errno{ELOOP};
  const Opened opened = open("file", O_WRONLY);
  EXPECT_EQ(opened.path, DataPath::cached);
  EXPECT_TRUE(write_all(opened.handle, 0, "T").has_value());
}

TEST_F(DataPaths, ManyThreadsAgreeOnThePath) {
  const Ref<Node> file = node("file");
  std::atomic<int> mixed{0};
  std::mutex mutex;
  int cached = 0;
  int passing = 0;
  std::vector<std::thread> threads;
  for (int seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      for (int i = 0; i < 500; ++i) {
        Opened opened;
        {
          // As the kernel, which takes note of an open and of a close one after the other.
          const std::lock_guard lock(mutex);
          opened = *file->open(Request{}, (i + seed) % 3 == 0 ? O_WRONLY : O_RDONLY).run();
          ++(opened.path == DataPath::passthrough ? passing : cached);
          if (passing > 0 && cached > 0) ++mixed;
        }
        const std::lock_guard lock(mutex);
        --(opened.path == DataPath::passthrough ? passing : cached);
        opened.handle.reset();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(mixed, 0);
}

TEST_F(DataPaths, ASecondOpenForReadingNeedsNoNewDescriptor) {
  const Opened first = open("file", O_RDONLY);
  const std::size_t held = store->stats().descriptors;
  const Opened second = open("file", O_RDONLY);
  EXPECT_EQ(store->stats().descriptors, held);
}

}  // namespace
}  // namespace fusebox
