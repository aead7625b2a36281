// Mounts below the root, and directories grafted into the tree.
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <functional>
#include <set>

#include "unit/store/store_fixture.h"

namespace fusebox {
namespace {

class Mounts : public HostStoreTest {
 protected:
  // In a child with a mount namespace of its own, so that nothing stays behind.
  void in_own_namespace(const std::function<void()>& body) {
    store.reset();
    const pid_t child = ::fork();
    if (child == 0) {
      if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(77);
      body();
      store.reset();
      ::_exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no mount namespace of our own here";
    EXPECT_EQ(status, 0);
  }

  void mount_tmpfs(const char* name) {
    ::mkdir((host / name).c_str(), 0755);
    ASSERT_EQ(::mount("tmpfs", (host / name).c_str(), "tmpfs", 0, nullptr), 0);
  }
};

TEST_F(Mounts, TwoFilesNeverShareANumber) {
  SKIP_WITHOUT_ROOT();
  in_own_namespace([&] {
    mount_tmpfs("one");
    mount_tmpfs("two");
    std::set<std::pair<dev_t, ino_t>> native;
    std::set<std::uint64_t> shown;
    open_store({});
    for (const std::string directory : {"one", "two"}) {
      for (int i = 0; i < 20; ++i) {
        const std::string path = directory + "/" + std::to_string(i);
        write_file(host / path, path);
        const struct stat status = stat_of(host / path);
        native.emplace(status.st_dev, status.st_ino);
        shown.insert(walk(path)->attr.ino);
        EXPECT_EQ(contents(path), path);
      }
    }
    EXPECT_EQ(shown.size(), native.size());
    EXPECT_EQ(stat_of(host / "one/3").st_ino, stat_of(host / "two/3").st_ino) << "or this test shows nothing";
  });
}

TEST_F(Mounts, ListingsHaveTheNumbersThatStatShows) {
  SKIP_WITHOUT_ROOT();
  in_own_namespace([&] {
    open_store({});
    (void)list(root(), false);
    mount_tmpfs("mounted");  // after the store was made
    ::mkdir((host / "mounted/below").c_str(), 0755);
    for (const bool with_entries : {false, true}) {
      EXPECT_EQ(list(root(), with_entries).at("mounted").ino, walk("mounted")->attr.ino);
      const auto inner = list(node("mounted"), with_entries);
      EXPECT_EQ(inner.at("below").ino, walk("mounted/below")->attr.ino);
      EXPECT_EQ(inner.at("..").ino, attributes(root())->ino);
    }
  });
}

TEST_F(Mounts, StatfsAndRenameKnowTheDevice) {
  SKIP_WITHOUT_ROOT();
  in_own_namespace([&] {
    mount_tmpfs("mounted");
    open_store({});
    write_file(host / "file", "");
    EXPECT_EQ(root()->rename(request, name_of("file"), node("mounted"), name_of("file"), 0).run().error(),
              Errno::cross_device);
    EXPECT_EQ(node("mounted")->link(request, node("file"), name_of("l")).run().error(), Errno::cross_device);
    EXPECT_EQ(root()->rmdir(request, name_of("mounted")).run().error(), Errno{EBUSY});
    EXPECT_NE(node("mounted")->statfs(request).run()->f_blocks, root()->statfs(request).run()->f_blocks);
  });
}

TEST_F(Mounts, ADirectoryMountedTwiceIsTwoNodesAndKeepsEachMountsFlags) {
  SKIP_WITHOUT_ROOT();
  in_own_namespace([&] {
    ::mkdir((host / "real").c_str(), 0755);
    ::mkdir((host / "bound").c_str(), 0755);
    write_file(host / "real/file", "x");
    ASSERT_EQ(::mount((host / "real").c_str(), (host / "bound").c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(::mount(nullptr, (host / "bound").c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
    open_store({});
    EXPECT_NE(node("real"), node("bound"));
    EXPECT_EQ(walk("real/file")->attr.ino, walk("bound/file")->attr.ino);
    EXPECT_TRUE(node("real/file")->open(request, O_WRONLY).run().has_value());
    EXPECT_EQ(node("bound/file")->open(request, O_WRONLY).run().error(), Errno::read_only);
    EXPECT_EQ(node("bound")->mkdir(request, name_of("d"), {.mode = 0755}).run().error(), Errno::read_only);
  });
}

TEST_F(Mounts, DescriptorsAreOpenedAgainOnTheirOwnMount) {
  SKIP_WITHOUT_ROOT();
  in_own_namespace([&] {
    mount_tmpfs("mounted");
    HostStoreOptions options;
    options.max_descriptors = 8;
    open_store(std::move(options));
    std::vector<Ref<Node>> nodes;
    for (int i = 0; i < 100; ++i) {
      const std::string path = (i % 2 == 0 ? "mounted/" : "") + std::to_string(i);
      write_file(host / path, path);
      nodes.push_back(node(path));
      EXPECT_EQ(contents(path), path);
    }
    std::filesystem::rename(host / "mounted/0", host / "mounted/moved");
    EXPECT_EQ(attributes(nodes[0])->size, std::string_view("mounted/0").size()) << "not found by its handle";
    for (const Ref<Node>& each : nodes) EXPECT_TRUE(attributes(each).has_value());
  });
}

class Grafts : public HostStoreTest {
 protected:
  void graft(const std::string& path, HostStoreOptions options = {}) {
    write_file(other / "inside", "grafted");
    options.grafts.push_back({path, Fd(::open(other.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))});
    open_store(std::move(options));
  }

  TempDirectory other;
};

TEST_F(Grafts, ADirectoryIsShownInPlaceOfAnother) {
  std::filesystem::create_directories(host / "var/tmp");
  write_file(host / "var/tmp/covered", "");
  graft("/var/tmp");
  EXPECT_EQ(contents("var/tmp/inside"), "grafted");
  EXPECT_EQ(walk("var/tmp/covered").error(), Errno::no_entry);
  for (const bool with_entries : {false, true}) {
    EXPECT_EQ(list(node("var"), with_entries).at("tmp").ino, walk("var/tmp")->attr.ino);
    EXPECT_EQ(list(node("var/tmp"), with_entries).at("..").ino, walk("var")->attr.ino);
  }
}

TEST_F(Grafts, DevicesMayBeMadeInItAlone) {
  SKIP_WITHOUT_ROOT();
  std::filesystem::create_directories(host / "tmp");
  HostStoreOptions options;
  options.device_nodes = DeviceNodes::in_grafts;
  graft("/tmp", std::move(options));
  const NewMode mode{.mode = S_IFCHR | 0600, .umask = 0};
  EXPECT_EQ(root()->mknod(request, name_of("c"), mode, makedev(1, 3)).run().error(), Errno::not_permitted);
  EXPECT_TRUE(node("tmp")->mknod(request, name_of("c"), mode, makedev(1, 3)).run().has_value());
  EXPECT_TRUE(S_ISCHR(stat_of(other / "c").st_mode));
}

TEST_F(Grafts, ItsPlaceCanBeNeitherRemovedNorMoved) {
  ::mkdir((host / "tmp").c_str(), 0755);
  graft("/tmp");
  EXPECT_EQ(root()->rmdir(request, name_of("tmp")).run().error(), Errno{EBUSY});
  EXPECT_EQ(root()->rename(request, name_of("tmp"), root(), name_of("x"), 0).run().error(), Errno{EBUSY});
  ::mkdir((host / "d").c_str(), 0755);
  EXPECT_EQ(root()->rename(request, name_of("d"), root(), name_of("tmp"), 0).run().error(), Errno{EBUSY});
}

TEST_F(Grafts, NeedAPlace) {
  HostStoreOptions options;
  options.grafts.push_back({"/absent", Fd(::open(other.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))});
  const auto made = HostStore::create(Fd(::open(host.path().c_str(), O_PATH | O_CLOEXEC)), std::move(options));
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().line(), "show a directory at /absent: No such file or directory (create the directory)");
}

TEST_F(Grafts, AreAnotherMountThanWhereTheyComeFrom) {
  SKIP_WITHOUT_ROOT();
  ::mkdir((host / "tmp").c_str(), 0755);
  ::mkdir((host / "source").c_str(), 0755);
  HostStoreOptions options;
  options.grafts.push_back({"/tmp", Fd(::open((host / "source").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))});
  open_store(std::move(options));
  EXPECT_NE(node("tmp")->identity(), node("source")->identity()) << "one directory cannot be in two places";
}

}  // namespace
}  // namespace fusebox
