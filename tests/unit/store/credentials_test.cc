// Who owns what is made, and who may: each case against the same system calls of a real process of that user.
#include "store/credentials.h"

#include <grp.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <functional>
#include <thread>

#include "unit/store/store_fixture.h"

namespace fusebox {
namespace {

constexpr uid_t kUser = 4321;
constexpr gid_t kGroup = 5432;
constexpr gid_t kExtraGroup = 6543;

class Credentials : public HostStoreTest {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_ROOT();
    HostStoreTest::SetUp();
    std::filesystem::create_directories(host / "native");
    std::filesystem::create_directories(host / "mirror");
  }

  // Sets the two directories up alike, does the same in both, as a user, and compares what has come of it.
  void compare(const std::function<void(const std::string& directory)>& prepare, mode_t umask, mode_t mode) {
    for (const char* name : {"native", "mirror"}) prepare(host / name);
    const int native = as_user([&] {
      ::umask(umask);
      const int fd = ::open((host / "native/file").c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
      const int file_error = fd < 0 ? errno : 0;
      const int made = ::mkdir((host / "native/directory").c_str(), mode);
      return file_error != 0 ? file_error : made != 0 ? errno : 0;
    });
    const pid_t caller = sleeping_user();
    request.caller = {.uid = kUser, .gid = kGroup, .tid = caller};
    const NewMode new_mode{.mode = mode, .umask = umask};
    const Ref<Node> mirror = node("mirror");
    const auto file = mirror->create(request, name_of("file"), new_mode, O_WRONLY).run();
    const auto directory = mirror->mkdir(request, name_of("directory"), new_mode).run();
    EXPECT_EQ(file ? 0 : static_cast<int>(file.error()), native);
    EXPECT_EQ(directory ? 0 : static_cast<int>(directory.error()), native);
    end(caller);
    if (native != 0) return;
    for (const std::string name : {"/file", "/directory"}) {
      const struct stat expected = stat_of((host / "native") + name);
      const struct stat actual = stat_of((host / "mirror") + name);
      EXPECT_EQ(actual.st_uid, expected.st_uid) << name;
      EXPECT_EQ(actual.st_gid, expected.st_gid) << name;
      EXPECT_EQ(actual.st_mode, expected.st_mode) << name << std::oct << " umask " << umask << " mode " << mode;
    }
  }

  static void become_user() {
    const gid_t extra = kExtraGroup;
    if (::setgroups(1, &extra) != 0 || ::setresgid(kGroup, kGroup, kGroup) != 0 ||
        ::setresuid(kUser, kUser, kUser) != 0) {
      ::_exit(99);
    }
  }

  // The exit status of what runs as the user.
  static int as_user(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
      become_user();
      ::_exit(body());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  }

  // A process of the user, for the store to look its groups up.
  static pid_t sleeping_user() {
    const pid_t child = ::fork();
    if (child == 0) {
      become_user();
      for (;;) ::pause();
    }
    while (stat_of("/proc/" + std::to_string(child)).st_uid != kUser) ::usleep(1000);
    return child;
  }
  static void end(pid_t child) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
};

TEST_F(Credentials, WhatIsMadeBelongsToTheCallerWithTheUmaskApplied) {
  for (const mode_t umask : {mode_t{0}, mode_t{022}, mode_t{077}, mode_t{0137}}) {
    for (const mode_t mode : {mode_t{0666}, mode_t{0777}, mode_t{0640}}) {
      compare(
          [](const std::string& directory) {
            std::filesystem::remove_all(directory);
            std::filesystem::create_directory(directory);
            ::chmod(directory.c_str(), 0777);
          },
          umask, mode);
    }
  }
}

TEST_F(Credentials, ASetgidDirectoryGivesItsGroup) {
  for (const gid_t group : {gid_t{0}, kGroup, kExtraGroup}) {
    for (const mode_t mode : {mode_t{0775}, mode_t{02775}}) {
      compare(
          [&](const std::string& directory) {
            std::filesystem::remove_all(directory);
            std::filesystem::create_directory(directory);
            EXPECT_EQ(::chown(directory.c_str(), 0, group), 0);
            ::chmod(directory.c_str(), 02777);
          },
          022, mode);
    }
  }
}

TEST_F(Credentials, ASupplementaryGroupOpensADirectory) {
  for (const gid_t group : {gid_t{0}, kExtraGroup}) {
    compare(
        [&](const std::string& directory) {
          std::filesystem::remove_all(directory);
          std::filesystem::create_directory(directory);
          EXPECT_EQ(::chown(directory.c_str(), 0, group), 0);
          ::chmod(directory.c_str(), 0770);
        },
        022, 0644);
  }
}

TEST_F(Credentials, ADefaultAclTakesThePlaceOfTheUmask) {
  if (std::system(("setfacl -d -m u::rwx,g::rwx,o::r " + (host / "native")).c_str()) != 0) {
    GTEST_SKIP() << "no setfacl, or no ACLs below";
  }
  compare(
      [](const std::string& directory) {
        std::filesystem::remove_all(directory);
        std::filesystem::create_directory(directory);
        ::chmod(directory.c_str(), 0777);
        EXPECT_EQ(std::system(("setfacl -d -m u::rwx,g::rwx,o::r " + directory).c_str()), 0);
      },
      077, 0666);
}

TEST_F(Credentials, AnotherUsersFileIsRefusedAsNatively) {
  write_file(host / "file", "secret");
  ::chmod((host / "file").c_str(), 0644);
  request.caller = {.uid = kUser, .gid = kGroup, .tid = 0};
  const Ref<Node> file = node("file");
  EXPECT_EQ(file->open(request, O_WRONLY).run().error(), Errno::access);
  EXPECT_EQ(file->open(request, O_RDONLY | O_TRUNC).run().error(), Errno::access);
  SetAttr change;
  change.mode = 0666;
  EXPECT_EQ(file->setattr(request, change, nullptr).run().error(), Errno::not_permitted);
  change = {};
  change.uid = kUser;
  EXPECT_EQ(file->setattr(request, change, nullptr).run().error(), Errno::not_permitted);
  change = {};
  change.size = 0;
  EXPECT_EQ(file->setattr(request, change, nullptr).run().error(), Errno::access);
  EXPECT_EQ(read_file(host / "file"), "secret");
}

TEST_F(Credentials, AStickyDirectoryProtectsItsFiles) {
  ::mkdir((host / "sticky").c_str(), 0755);
  ::chmod((host / "sticky").c_str(), 01777);
  write_file(host / "sticky/file", "");
  request.caller = {.uid = kUser, .gid = kGroup, .tid = 0};
  EXPECT_EQ(node("sticky")->unlink(request, name_of("file")).run().error(), Errno::not_permitted);
  EXPECT_EQ(node("sticky")->rename(request, name_of("file"), node("sticky"), name_of("x"), 0).run().error(),
            Errno::not_permitted);
}

TEST_F(Credentials, SetIdBitsGoWhenAnotherUserWrites) {
  write_file(host / "file", "1234");
  ::chmod((host / "file").c_str(), 06777);
  request.caller = {.uid = kUser, .gid = kGroup, .tid = 1};
  const Result<Opened> opened = node("file")->open(request, O_WRONLY).run();
  ASSERT_TRUE(opened.has_value());
  ASSERT_TRUE(write_all(opened->handle, 0, "x").has_value());
  EXPECT_EQ(stat_of(host / "file").st_mode & 07777U, 0777U);
}

TEST_F(Credentials, TheThreadIsItselfAgainAfterwards) {
  std::thread([&] {
    const mode_t before = ::umask(027);
    {
      const ActAs caller(CallerGroups{}, {.uid = kUser, .gid = kGroup, .tid = 0}, 0777);
      EXPECT_TRUE(caller.ready().has_value());
      EXPECT_NE(::open((host / "mine").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666), -1);
    }
    EXPECT_EQ(::umask(before), 027U);
    write_file(host / "after", "");
  }).join();
  EXPECT_EQ(stat_of(host / "mine").st_uid, kUser);
  EXPECT_EQ(stat_of(host / "mine").st_mode & 0777U, 0U);
  EXPECT_EQ(stat_of(host / "after").st_uid, 0U);
}

// The groups that the kernel counts for this thread.
std::vector<gid_t> own_groups() {
  std::vector<gid_t> groups(64);
  groups.resize(static_cast<std::size_t>(std::max(0, ::getgroups(static_cast<int>(groups.size()), groups.data()))));
  return groups;
}

std::string line_of(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line) && !line.starts_with(key)) {
  }
  return line;
}

TEST_F(Credentials, AThreadThatKeepsItsGroupsHasThemAfterwards) {
  const CallerGroups keeping(Fd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)), OwnGroups::kept);
  const pid_t sleeping = sleeping_user();
  const Caller user{.uid = kUser, .gid = kGroup, .tid = sleeping};
  const std::string path = host / "made";
  ::chmod(host.path().c_str(), 0755);
  std::thread([&] {
    const std::vector<gid_t> before = own_groups();
    const auto asked = [] { return Result<std::vector<gid_t>>(own_groups()); };
    EXPECT_EQ(*as_caller(keeping, user, asked), std::vector<gid_t>{kExtraGroup});
    const auto powers = [] { return Result<std::string>(line_of("/proc/thread-self/status", "CapEff:")); };
    EXPECT_EQ(*as_caller(keeping, user, powers), "CapEff:\t00000000000000c0");  // to become somebody, and no more
    const auto make = [&]() -> Result<Fd> {
      const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
      return fd >= 0 ? Result<Fd>(Fd(fd)) : fail_with_errno();
    };
    EXPECT_FALSE(as_caller(keeping, user, 027, make).has_value());  // it may do no more than the user
    ::chmod(host.path().c_str(), 0777);
    EXPECT_TRUE(as_caller(keeping, user, 027, make).has_value());
    EXPECT_EQ(own_groups(), before);
    EXPECT_EQ(*as_caller(keeping, {.uid = 0, .gid = kGroup, .tid = sleeping}, asked), before);
  }).join();
  end(sleeping);
  EXPECT_EQ(stat_of(path).st_uid, kUser);
  EXPECT_EQ(stat_of(path).st_gid, kGroup);
  EXPECT_EQ(stat_of(path).st_mode & 0777U, 0640U);
}

TEST_F(Credentials, ThreadsActAsDifferentUsersAtOnce) {
  std::vector<std::thread> threads;
  for (uid_t user = 1001; user < 1005; ++user) {
    threads.emplace_back([&, user] {
      const Request mine{.caller = {.uid = user, .gid = user, .tid = 0}};
      for (int i = 0; i < 200; ++i) {
        const std::string name = std::to_string(user) + "-" + std::to_string(i);
        const NewMode mode{.mode = 0666, .umask = static_cast<mode_t>(user % 8)};
        (void)root()->create(mine, name_of(name), mode, O_WRONLY).run();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (uid_t user = 1001; user < 1005; ++user) {
    for (int i = 0; i < 200; ++i) {
      const struct stat status = stat_of(host / (std::to_string(user) + "-" + std::to_string(i)));
      EXPECT_EQ(status.st_uid, user);
      EXPECT_EQ(status.st_gid, user);
      EXPECT_EQ(status.st_mode & 0777U, 0666U & ~(user % 8));
    }
  }
}

}  // namespace
}  // namespace fusebox
