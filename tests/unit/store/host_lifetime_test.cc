// Nodes, the files they stand for, and the few descriptors between them.
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <functional>
#include <random>
#include <thread>

#include "unit/store/store_fixture.h"

namespace fusebox {
namespace {

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

class Lifetime : public HostStoreTest {
 protected:
  using HostStoreTest::HostStoreTest;

  void bound_descriptors(std::size_t limit) {
    HostStoreOptions options;
    options.max_descriptors = limit;
    open_store(std::move(options));
  }

  // So that the descriptor of everything else is given back.
  void press(int files = 200) {
    for (int i = 0; i < files; ++i) {
      const std::string name = "press" + std::to_string(i);
      if (!std::filesystem::exists(host / name)) write_file(host / name, name);
      pressed_.push_back(node(name));
      EXPECT_TRUE(pressed_.back()->open(request, O_RDONLY).run().has_value());
    }
  }

 private:
  std::vector<Ref<Node>> pressed_;
};

// Where there is a file system in memory, on that: to make 20,000 files is what takes the time.
class LargeTree : public Lifetime {
 protected:
  LargeTree() : Lifetime(in_memory()) {}

 private:
  static std::filesystem::path in_memory() {
    return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
  }
};

// Runs the body on a stack that any recursion over a deep tree would overflow.
void on_small_stack(const std::function<void()>& body) {
  constexpr std::size_t kStackBytes = std::size_t{512} * 1024;  // sanitizers need room
  pthread_attr_t attributes;
  ASSERT_EQ(::pthread_attr_init(&attributes), 0);
  ASSERT_EQ(::pthread_attr_setstacksize(&attributes, kStackBytes), 0);
  pthread_t thread{};
  const auto run = [](void* argument) -> void* {
    (*static_cast<const std::function<void()>*>(argument))();
    return nullptr;
  };
  std::function<void()> copy = body;
  ASSERT_EQ(::pthread_create(&thread, &attributes, run, &copy), 0);
  ::pthread_join(thread, nullptr);
  ::pthread_attr_destroy(&attributes);
}

TEST_F(Lifetime, OneFileIsOneNodeHoweverItIsFound) {
  write_file(host / "file", "");
  const Ref<Node> first = node("file");
  EXPECT_EQ(node("file"), first);
  std::filesystem::rename(host / "file", host / "other");
  EXPECT_EQ(node("other"), first);
}

TEST_F(Lifetime, AReusedNumberIsAnotherFile) {
  write_file(host / "file", "old");
  const Ref<Node> old = node("file");
  const auto identity = old->identity();
  for (int i = 0; i < 100; ++i) {
    std::filesystem::remove(host / "file");
    write_file(host / "file", "new");
    EXPECT_NE(node("file")->identity(), identity);
  }
}

TEST_F(Lifetime, ANodeNeverAnswersForAnotherFileOfItsName) {
  write_file(host / "file", "old");
  const Ref<Node> old = node("file");
  std::filesystem::rename(host / "file", host / "moved");
  write_file(host / "file", "new");
  EXPECT_EQ(attributes(old).error(), Errno::stale);
  EXPECT_EQ(old->open(request, O_RDONLY).run().error(), Errno::stale);
  // A new look heals it.
  EXPECT_EQ(node("moved"), old);
  EXPECT_EQ(attributes(old)->size, 3U);
  EXPECT_EQ(contents("moved"), "old");
}

TEST_F(Lifetime, AMovedDirectoryTakesItsChildrenAlong) {
  std::filesystem::create_directories(host / "a/b/c");
  write_file(host / "a/b/c/file", "deep");
  const Ref<Node> file = node("a/b/c/file");
  const Ref<Node> moved = node("a");
  ASSERT_TRUE(root()->rename(request, name_of("a"), root(), name_of("z"), 0).run().has_value());
  moved->located(root(), "z");
  EXPECT_EQ(attributes(file)->size, 4U);
  EXPECT_EQ(node("z/b/c/file"), file);
}

TEST_F(Lifetime, AHeldNodeFollowsAMoveOutside) {
  write_file(host / "file", "text");
  const Ref<Node> file = node("file");
  const Result<Opened> opened = file->open(request, O_RDONLY).run();
  std::filesystem::rename(host / "file", host / "elsewhere");
  EXPECT_TRUE(attributes(file).has_value());
  EXPECT_EQ(read_all(opened->handle), "text");
}

TEST_F(Lifetime, AnUnlinkedFileStaysWhatItWas) {
  write_file(host / "file", "text");
  const Ref<Node> file = node("file");
  ASSERT_TRUE(root()->unlink(request, name_of("file")).run().has_value());
  write_file(host / "file", "another");
  EXPECT_EQ(attributes(file)->nlink, 0U);
  EXPECT_EQ(attributes(file)->size, 4U);
  SetAttr change;
  change.mode = 0600;
  change.size = 2;
  EXPECT_EQ(file->setattr(request, change, nullptr).run()->size, 2U);
  const Result<Opened> opened = file->open(request, O_RDWR).run();
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(read_all(opened->handle), "te");
  EXPECT_EQ(read_file(host / "file"), "another");
}

TEST_F(Lifetime, AReplacedFileStaysWhatItWas) {
  write_file(host / "old", "old");
  write_file(host / "new", "newer");
  const Ref<Node> old = node("old");
  ASSERT_TRUE(root()->rename(request, name_of("new"), root(), name_of("old"), 0).run().has_value());
  EXPECT_EQ(attributes(old)->nlink, 0U);
  EXPECT_EQ(attributes(old)->size, 3U);
}

TEST_F(Lifetime, AnUnlinkedFileSurvivesTheWantOfDescriptors) {
  bound_descriptors(16);
  write_file(host / "file", "text");
  const Ref<Node> file = node("file");
  ASSERT_TRUE(root()->unlink(request, name_of("file")).run().has_value());
  press();
  EXPECT_EQ(attributes(file)->size, 4U);
  EXPECT_TRUE(file->open(request, O_RDONLY).run().has_value());
}

TEST_F(Lifetime, AnOpenFileSurvivesItsRemovalOutsideAndTheWantOfDescriptors) {
  bound_descriptors(16);
  write_file(host / "file", "text");
  const Ref<Node> file = node("file");
  const Result<Opened> opened = file->open(request, O_RDONLY).run();
  std::filesystem::remove(host / "file");
  press();
  EXPECT_EQ(read_all(opened->handle), "text");
  EXPECT_EQ(attributes(file)->nlink, 0U);
}

TEST_F(Lifetime, AMoveOutsideIsFollowedByHandleOrHealedByANewLook) {
  bound_descriptors(16);
  write_file(host / "file", "text");
  const Ref<Node> file = node("file");
  ASSERT_TRUE(file->open(request, O_RDONLY).run().has_value());
  press();
  std::filesystem::rename(host / "file", host / "moved");
  const Result<Attr> attr = attributes(file);
  if (attr) {
    EXPECT_EQ(attr->size, 4U);
  } else {
    EXPECT_EQ(attr.error(), Errno::stale);
  }
  EXPECT_EQ(node("moved"), file);
  EXPECT_EQ(contents("moved"), "text");
}

TEST_F(LargeTree, TwentyThousandFilesNeedSixtyFourDescriptors) {
  constexpr int kDirectories = 100;
  constexpr int kFiles = 200;
  bound_descriptors(64);
  const std::size_t before = open_descriptors();
  std::vector<Ref<Node>> nodes;
  for (int d = 0; d < kDirectories; ++d) {
    const std::string directory = "d" + std::to_string(d);
    ASSERT_EQ(::mkdir((host / directory).c_str(), 0755), 0);
    for (int f = 0; f < kFiles; ++f) {
      const int fd =
          ::open((host / (directory + "/" + std::to_string(f))).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
      ASSERT_EQ(::write(fd, &f, sizeof f), static_cast<ssize_t>(sizeof f));
      ::close(fd);
    }
    const Ref<Node> listed = node(directory);
    nodes.push_back(listed);
    for (auto& [name, entry] : list(listed, true)) {
      if (entry.entry.node != nullptr) nodes.push_back(entry.entry.node);
    }
  }
  EXPECT_EQ(nodes.size(), std::size_t{kDirectories} * (kFiles + 1));
  std::minstd_rand random(1);
  for (int i = 0; i < 20'000; ++i) {
    const Ref<Node>& some = nodes[random() % nodes.size()];
    ASSERT_TRUE(attributes(some).has_value());
    if (i % 4 == 0 && attributes(some)->is_regular()) {
      const Result<Opened> opened = some->open(request, O_RDONLY).run();
      ASSERT_TRUE(opened.has_value());
      ASSERT_EQ(read_all(opened->handle).size(), sizeof(int));
    }
    ASSERT_LE(store->stats().descriptors, 66U);
  }
  EXPECT_LE(open_descriptors(), before + 70);
  EXPECT_GE(store->stats().nodes, nodes.size());
  nodes.clear();
  EXPECT_EQ(store->stats().nodes, 1U);
  EXPECT_EQ(store->stats().descriptors, 0U);
}

TEST_F(Lifetime, WhereDescriptorsRunOutTheCacheGivesSomeBack) {
  for (int i = 0; i < 100; ++i) write_file(host / std::to_string(i), "text");
  store.reset();
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{.rlim_cur = 40, .rlim_max = 40};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(2);
    open_store({});  // believes that it may hold thousands
    std::vector<Ref<Node>> nodes;
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < 100; ++i) {
        nodes.push_back(node(std::to_string(i)));
        if (!nodes.back()->open(request, i % 2 == 0 ? O_RDONLY : O_RDWR).run()) ::_exit(3);
        if (!root()->opendir(request).run()) ::_exit(4);
      }
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(LargeTree, ADeepTreeNeedsNoDeepStack) {
  bound_descriptors(16);
  constexpr int kDepth = 10'000;
  on_small_stack([&] {
    Ref<Node> deepest = root();
    for (int i = 0; i < kDepth; ++i) {
      auto made = deepest->mkdir(request, name_of("d"), {.mode = 0755, .umask = 0}).run();
      ASSERT_TRUE(made.has_value());
      deepest = made->node;
    }
    EXPECT_TRUE(attributes(deepest).has_value());
    deepest.reset();
  });
  EXPECT_EQ(store->stats().nodes, 1U);
  ASSERT_EQ(std::system(("rm -rf " + (host / "d")).c_str()), 0);
}

TEST_F(Lifetime, DirectoriesThatChangePlacesOutsideMakeNoCircle) {
  std::filesystem::create_directories(host / "a/b");
  const Ref<Node> a = node("a");
  const Ref<Node> b = node("a/b");
  (void)list(b, false);  // has its descriptor now, and so finds its way
  std::filesystem::rename(host / "a/b", host / "b");
  std::filesystem::rename(host / "a", host / "b/a");
  // The kernel still believes that b is below a, and asks b for a.
  const Result<Entry> found = look_up(b, "a");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->node, a);
  EXPECT_EQ(node("b"), b);
  EXPECT_EQ(node("b/a"), a);
  EXPECT_TRUE(attributes(a).has_value());
}

TEST_F(Lifetime, ManyThreadsWorkInAChangingTree) {
  bound_descriptors(16);
  for (int i = 0; i < 50; ++i) write_file(host / std::to_string(i), "text");
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::minstd_rand random(seed + 1);
      const Request mine;
      for (int i = 0; i < 1500; ++i) {
        const std::string name = std::to_string(random() % 50);
        const Result<Entry> entry = root()->lookup(mine, name_of(name)).run();
        switch (random() % 4) {
          case 0:
            if (entry) (void)entry->node->open(mine, O_RDWR).run();
            break;
          case 1:
            (void)root()->unlink(mine, name_of(name)).run();
            break;
          case 2:
            (void)root()->create(mine, name_of(name), {.mode = 0644, .umask = 0}, O_WRONLY).run();
            break;
          default: {
            const std::string other = std::to_string(random() % 50);
            if (entry) (void)entry->node->getattr(mine, nullptr).run();
            if (root()->rename(mine, name_of(name), root(), name_of(other), 0).run() && entry) {
              entry->node->located(root(), other);
            }
          }
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store->stats().nodes, 1U);
}

}  // namespace
}  // namespace fusebox
