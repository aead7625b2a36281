// Modes, owners, times, extended attributes, access control lists: and who may change them.
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <array>
#include <ctime>
#include <vector>

#include "mounted/place.h"

namespace fusebox::mounted {
namespace {

constexpr uid_t kUser = 1234;
constexpr gid_t kGroup = 4321;

class Attributes : public Place {
 protected:
  void SetUp() override {
    Place::SetUp();
    if (geteuid() != 0) GTEST_SKIP() << "becomes other users: needs root";
    ASSERT_EQ(chmod(top().c_str(), 0777), 0);
  }
};

timespec time_of(std::time_t seconds, long nanoseconds) { return {.tv_sec = seconds, .tv_nsec = nanoseconds}; }

TEST_F(Attributes, TimesAreKeptToTheNanosecond) {
  write_text("f", "x");
  const std::array<timespec, 2> times = {time_of(1'000'000'001, 123'456'789), time_of(999'999'999, 987'654'321)};
  ASSERT_EQ(utimensat(AT_FDCWD, "f", times.data(), 0), 0);
  struct stat status = status_of("f");
  EXPECT_EQ(status.st_atim.tv_nsec, 123'456'789);
  EXPECT_EQ(status.st_mtim.tv_sec, 999'999'999);
  EXPECT_EQ(status.st_mtim.tv_nsec, 987'654'321);

  const std::array<timespec, 2> only_access = {time_of(5, 6), time_of(0, UTIME_OMIT)};
  ASSERT_EQ(utimensat(AT_FDCWD, "f", only_access.data(), 0), 0);
  status = status_of("f");
  EXPECT_EQ(status.st_atim.tv_sec, 5);
  EXPECT_EQ(status.st_mtim.tv_nsec, 987'654'321);

  const std::array<timespec, 2> now = {time_of(0, UTIME_OMIT), time_of(0, UTIME_NOW)};
  ASSERT_EQ(utimensat(AT_FDCWD, "f", now.data(), 0), 0);
  EXPECT_NEAR(static_cast<double>(status_of("f").st_mtim.tv_sec), static_cast<double>(std::time(nullptr)), 2);
  EXPECT_EQ(status_of("f").st_atim.tv_sec, 5);

  ASSERT_EQ(symlink("f", "link"), 0);
  ASSERT_EQ(utimensat(AT_FDCWD, "link", times.data(), AT_SYMLINK_NOFOLLOW), 0);
  EXPECT_EQ(status_of("link").st_mtim.tv_nsec, 987'654'321);
  EXPECT_EQ(status_of("f").st_atim.tv_sec, 5);
}

TEST_F(Attributes, TimesBeforeTheEpochAreKept) {
  write_text("f", "x");
  const std::array<timespec, 2> times = {time_of(-2, 1), time_of(-1'000'000, 999'999'999)};
  ASSERT_EQ(utimensat(AT_FDCWD, "f", times.data(), 0), 0);
  EXPECT_EQ(status_of("f").st_mtim.tv_sec, -1'000'000);
  EXPECT_EQ(status_of("f").st_mtim.tv_nsec, 999'999'999);
}

TEST_F(Attributes, WritesMoveTheTimes) {
  write_text("f", "x");
  const std::array<timespec, 2> times = {time_of(1, 0), time_of(1, 0)};
  ASSERT_EQ(utimensat(AT_FDCWD, "f", times.data(), 0), 0);
  {
    const Fd file = open_file("f", O_WRONLY);
    ASSERT_EQ(write(file.get(), "y", 1), 1);
  }
  EXPECT_GT(status_of("f").st_mtim.tv_sec, 1'000'000);
  ASSERT_EQ(utimensat(AT_FDCWD, ".", times.data(), 0), 0);
  write_text("new", "x");
  EXPECT_GT(status_of(".").st_mtim.tv_sec, 1'000'000);
}

TEST_F(Attributes, ModesAndOwnersAreKeptExactly) {
  write_text("f", "x");
  for (const mode_t mode : {0000U, 0644U, 0777U, 04755U, 02755U, 01777U, 06711U}) {
    ASSERT_EQ(chmod("f", mode), 0);
    EXPECT_EQ(status_of("f").st_mode & 07777, mode);
  }
  ASSERT_EQ(chmod("f", 06755), 0);
  ASSERT_EQ(chown("f", kUser, kGroup), 0);
  EXPECT_EQ(status_of("f").st_uid, kUser);
  EXPECT_EQ(status_of("f").st_gid, kGroup);
  EXPECT_EQ(status_of("f").st_mode & 06000, 0U);  // chown takes the set-id bits
  ASSERT_EQ(chown("f", static_cast<uid_t>(-1), 7), 0);
  EXPECT_EQ(status_of("f").st_uid, kUser);
}

TEST_F(Attributes, SetIdBitsGoWithAWriteOfAnotherUser) {
  write_text("f", "x");
  ASSERT_EQ(chown("f", kUser, kGroup), 0);
  ASSERT_EQ(chmod("f", 06777), 0);
  EXPECT_EQ(as_user(kUser + 1, kGroup + 1,
                    [] {
                      const Fd file = open_file("f", O_WRONLY);
                      return write(file.get(), "y", 1) == 1 ? 0 : errno;
                    }),
            0);
  EXPECT_EQ(status_of("f").st_mode & 07777, 0777U);
}

TEST_F(Attributes, SetIdBitsThatCameWhileTheFileWasOpenGoWithAWriteOfAnotherUser) {
  const auto by_write = [](int file) { return static_cast<long>(::write(file, "y", 1)); };
  const auto by_allocation = [](int file) { return static_cast<long>(fallocate(file, 0, 0, 10)); };
  const auto by_copy = [](int file) {
    off_t from = 10;
    off_t into = 0;
    return static_cast<long>(copy_file_range(file, &from, file, &into, 1, 0));
  };
  for (const std::function<long(int)>& change : {std::function<long(int)>(by_write), {by_allocation}, {by_copy}}) {
    const Fd file = open_file("f", O_RDWR | O_CREAT | O_TRUNC);
    ASSERT_EQ(pwrite(file.get(), "text", 4, 10), 4);
    ASSERT_EQ(fchmod(file.get(), 06777), 0);
    EXPECT_EQ(as_user(kUser, kGroup, [&] { return change(file.get()) >= 0 ? 0 : errno; }), 0);
    EXPECT_EQ(status_of("f").st_mode & 07777, 0777U);
  }
}

TEST_F(Attributes, NewFilesBelongToWhoMadeThem) {
  EXPECT_EQ(as_user(kUser, kGroup,
                    [] {
                      write_text("f", "x");
                      if (mkdir("d", 0777) != 0 || symlink("f", "l") != 0 || mkfifo("p", 0666) != 0) return errno;
                      return 0;
                    }),
            0);
  for (const char* name : {"f", "d", "l", "p"}) {
    EXPECT_EQ(status_of(name).st_uid, kUser) << name;
    EXPECT_EQ(status_of(name).st_gid, kGroup) << name;
  }
  EXPECT_EQ(status_of("d").st_mode & 07777, 0755U);
}

TEST_F(Attributes, AFolderHandsItsGroupOn) {
  ASSERT_EQ(mkdir("d", 0777), 0);
  ASSERT_EQ(chown("d", 0, kGroup + 5), 0);
  ASSERT_EQ(chmod("d", 02777), 0);
  EXPECT_EQ(as_user(kUser, kGroup,
                    [] {
                      write_text("d/f", "x");
                      return mkdir("d/sub", 0777) == 0 ? 0 : errno;
                    }),
            0);
  EXPECT_EQ(status_of("d/f").st_gid, kGroup + 5);
  EXPECT_EQ(status_of("d/sub").st_gid, kGroup + 5);
  EXPECT_EQ(status_of("d/sub").st_mode & 07777, 02755U);
}

TEST_F(Attributes, InAStickyFolderOnlyOwnersRemove) {
  ASSERT_EQ(mkdir("d", 0777), 0);
  ASSERT_EQ(chmod("d", 01777), 0);
  EXPECT_EQ(as_user(kUser, kGroup,
                    [] {
                      write_text("d/f", "x");
                      return 0;
                    }),
            0);
  EXPECT_EQ(as_user(kUser + 1, kGroup, [] { return error_of(unlink("d/f")); }), EPERM);
  EXPECT_EQ(as_user(kUser + 1, kGroup, [] { return error_of(rename("d/f", "d/g")); }), EPERM);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(unlink("d/f")); }), 0);
}

TEST_F(Attributes, ModeBitsHoldForOtherUsers) {
  write_text("private", "x");
  ASSERT_EQ(chmod("private", 0600), 0);
  ASSERT_EQ(mkdir("closed", 0700), 0);
  write_text("closed/f", "x");
  ASSERT_EQ(mkdir("read-only", 0755), 0);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(open("private", O_RDONLY)); }), EACCES);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(open("closed/f", O_RDONLY)); }), EACCES);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(open("closed", O_RDONLY)); }), EACCES);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(mkdir("read-only/d", 0755)); }), EACCES);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(chmod("private", 0777)); }), EPERM);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(chown("private", kUser, kGroup)); }), EPERM);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(truncate("private", 0)); }), EACCES);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(utimensat(AT_FDCWD, "private", nullptr, 0)); }), EACCES);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(access("private", R_OK)); }), EACCES);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(execl("private", "private", nullptr)); }), EACCES);
}

TEST_F(Attributes, SupplementaryGroupsCount) {
  write_text("f", "x");
  ASSERT_EQ(chown("f", 0, kGroup), 0);
  ASSERT_EQ(chmod("f", 0060), 0);
  EXPECT_EQ(in_child([] {
              const std::array<gid_t, 2> groups = {77, kGroup};
              if (setgroups(2, groups.data()) != 0 || setresgid(99, 99, 99) != 0 || setresuid(kUser, kUser, kUser) != 0)
                return 99;
              return error_of(open("f", O_RDWR));
            }),
            0);
}

TEST_F(Attributes, TheUmaskHolds) {
  umask(027);
  write_text("f", "x");
  ASSERT_EQ(mkdir("d", 0777), 0);
  ASSERT_EQ(mkfifo("p", 0666), 0);
  EXPECT_EQ(status_of("f").st_mode & 07777, 0640U);
  EXPECT_EQ(status_of("d").st_mode & 07777, 0750U);
  EXPECT_EQ(status_of("p").st_mode & 07777, 0640U);
}

// As in linux/posix_acl_xattr.h: version 2, then tag, permissions, id of each entry.
std::vector<std::uint8_t> default_acl() {
  std::vector<std::uint8_t> bytes = {2, 0, 0, 0};
  const auto add = [&](std::uint16_t tag, std::uint16_t permissions, std::uint32_t id) {
    for (const int shift : {0, 8}) bytes.push_back(static_cast<std::uint8_t>(tag >> shift));
    for (const int shift : {0, 8}) bytes.push_back(static_cast<std::uint8_t>(permissions >> shift));
    for (const int shift : {0, 8, 16, 24}) bytes.push_back(static_cast<std::uint8_t>(id >> shift));
  };
  constexpr std::uint32_t kNone = 0xffffffff;
  add(0x01, 7, kNone);  // the owner
  add(0x02, 6, kUser);  // a user
  add(0x04, 5, kNone);  // the group
  add(0x10, 7, kNone);  // the mask
  add(0x20, 0, kNone);  // others
  return bytes;
}

TEST_F(Attributes, ADefaultAccessControlListTakesTheUmasksPlace) {
  ASSERT_EQ(mkdir("d", 0755), 0);
  const std::vector<std::uint8_t> acl = default_acl();
  if (setxattr("d", "system.posix_acl_default", acl.data(), acl.size(), 0) != 0) GTEST_SKIP() << "no ACLs here";
  umask(077);
  write_text("d/f", "x");
  ASSERT_EQ(mkdir("d/sub", 0777), 0);
  EXPECT_EQ(status_of("d/f").st_mode & 0777, 0640U);  // of the 0644 asked for, not of the umask
  EXPECT_EQ(status_of("d/sub").st_mode & 0777, 0770U);
  EXPECT_EQ(as_user(kUser, kGroup, [] { return error_of(open("d/f", O_RDWR)); }), EACCES);  // d is not open to it
  ASSERT_EQ(chmod("d", 0777), 0);
  EXPECT_GT(getxattr("d/f", "system.posix_acl_access", nullptr, 0), 0);
  EXPECT_GT(getxattr("d/sub", "system.posix_acl_default", nullptr, 0), 0);
}

TEST_F(Attributes, ExtendedAttributesAnswerForEverySizeOfBuffer) {
  write_text("f", "x");
  if (setxattr("f", "user.one", "value", 5, 0) != 0) GTEST_SKIP() << "no user attributes here: errno " << errno;
  ASSERT_EQ(setxattr("f", "user.two", "", 0, 0), 0);
  std::array<char, 64> buffer{};
  EXPECT_EQ(getxattr("f", "user.one", nullptr, 0), 5);
  EXPECT_EQ(getxattr("f", "user.one", buffer.data(), 5), 5);
  EXPECT_EQ(error_of(getxattr("f", "user.one", buffer.data(), 4)), ERANGE);
  EXPECT_EQ(getxattr("f", "user.two", buffer.data(), buffer.size()), 0);
  EXPECT_EQ(error_of(getxattr("f", "user.none", buffer.data(), 5)), ENODATA);
  EXPECT_EQ(error_of(getxattr("f", "no-class", buffer.data(), 5)), EOPNOTSUPP);
  const ssize_t size = listxattr("f", nullptr, 0);
  EXPECT_EQ(size, 18);
  EXPECT_EQ(listxattr("f", buffer.data(), static_cast<std::size_t>(size)), size);
  EXPECT_EQ(error_of(listxattr("f", buffer.data(), static_cast<std::size_t>(size) - 1)), ERANGE);
  EXPECT_EQ(error_of(setxattr("f", "user.one", "x", 1, XATTR_CREATE)), EEXIST);
  EXPECT_EQ(error_of(setxattr("f", "user.none", "x", 1, XATTR_REPLACE)), ENODATA);
  EXPECT_EQ(removexattr("f", "user.two"), 0);
  EXPECT_EQ(error_of(removexattr("f", "user.two")), ENODATA);
  ASSERT_EQ(symlink("f", "link"), 0);
  EXPECT_EQ(error_of(lgetxattr("link", "user.one", buffer.data(), 5)), ENODATA);
  EXPECT_EQ(error_of(lsetxattr("link", "user.one", "x", 1, 0)), EPERM);
  const Fd file = open_file("f", O_RDONLY);
  EXPECT_EQ(fgetxattr(file.get(), "user.one", buffer.data(), 5), 5);
}

TEST_F(Attributes, FileCapabilitiesCanBeStoredAndGoWithAWrite) {
  write_text("f", "x");
  // struct vfs_cap_data, version 2: CAP_NET_BIND_SERVICE permitted and effective.
  const std::array<std::uint8_t, 20> capability = {1, 0, 0, 2, 0, 4};
  ASSERT_EQ(setxattr("f", "security.capability", capability.data(), capability.size(), 0), 0) << errno;
  EXPECT_EQ(getxattr("f", "security.capability", nullptr, 0), 20);
  write_text("f", "y");
  EXPECT_EQ(error_of(getxattr("f", "security.capability", nullptr, 0)), ENODATA);
}

}  // namespace
}  // namespace fusebox::mounted
