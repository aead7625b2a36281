// What the mirror answers against what the host answers.
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cstring>

#include "unit/store/store_fixture.h"

namespace fusebox {
namespace {

void expect_same(const Attr& attr, const struct stat& native) {
  EXPECT_EQ(attr.ino, native.st_ino);
  EXPECT_EQ(attr.mode, native.st_mode);
  EXPECT_EQ(attr.nlink, native.st_nlink);
  EXPECT_EQ(attr.uid, native.st_uid);
  EXPECT_EQ(attr.gid, native.st_gid);
  EXPECT_EQ(attr.rdev, native.st_rdev);
  EXPECT_EQ(attr.size, static_cast<std::uint64_t>(native.st_size));
  EXPECT_EQ(attr.blocks, static_cast<std::uint64_t>(native.st_blocks));
  EXPECT_EQ(attr.blksize, static_cast<std::uint32_t>(native.st_blksize));
  EXPECT_EQ(attr.mtime.tv_sec, native.st_mtim.tv_sec);
  EXPECT_EQ(attr.mtime.tv_nsec, native.st_mtim.tv_nsec);
  EXPECT_EQ(attr.ctime.tv_nsec, native.st_ctim.tv_nsec);
  EXPECT_EQ(attr.atime.tv_nsec, native.st_atim.tv_nsec);
}

TEST_F(HostStoreTest, AttributesAreThoseOfTheHost) {
  write_file(host / "file", "hello");
  ::mkdir((host / "directory").c_str(), 0751);
  make_symlink("nowhere", host / "symlink");
  ::mkfifo((host / "fifo").c_str(), 0640);
  for (const char* name : {"file", "directory", "symlink", "fifo"}) {
    SCOPED_TRACE(name);
    const Result<Entry> entry = look_up(root(), name);
    ASSERT_TRUE(entry.has_value());
    expect_same(entry->attr, stat_of(host / name));
    expect_same(*attributes(entry->node), stat_of(host / name));
  }
}

TEST_F(HostStoreTest, ADeviceShowsItsNumber) {
  SKIP_WITHOUT_ROOT();
  if (::mknod((host / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) GTEST_SKIP() << "no mknod(2) here";
  EXPECT_EQ(walk("null")->attr.rdev, makedev(1, 3));
}

TEST_F(HostStoreTest, AbsenceIsAnErrorOrARememberedAnswer) {
  EXPECT_EQ(look_up(root(), "absent").error(), Errno::no_entry);
  HostStoreOptions options;
  options.negative_validity = std::chrono::seconds{1};
  open_store(std::move(options));
  const Result<Entry> entry = look_up(root(), "absent");
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->node, nullptr);
  EXPECT_EQ(entry->valid_for, Validity{std::chrono::seconds{1}});
}

TEST_F(HostStoreTest, ASymlinkIsNotFollowed) {
  make_symlink("/etc", host / "out");
  const Ref<Node> link = node("out");
  EXPECT_EQ(link->readlink(request).run(), "/etc");
  EXPECT_EQ(look_up(link, "passwd").error(), Errno::not_directory);
  EXPECT_FALSE(link->opendir(request).run().has_value());
  EXPECT_FALSE(link->open(request, O_RDONLY).run().has_value());
  write_file(host / "file", "x");
  EXPECT_EQ(node("file")->readlink(request).run().error(), Errno::invalid);
}

TEST_F(HostStoreTest, FifosSocketsAndDevicesAreNeverOpened) {
  ::mkfifo((host / "fifo").c_str(), 0666);
  for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR}) {
    EXPECT_EQ(node("fifo")->open(request, flags).run().error(), Errno{ENXIO});
  }
}

TEST_F(HostStoreTest, ReadsGiveTheBytesAndEndAtTheEnd) {
  write_file(host / "file", "hello, world");
  const Result<Opened> opened = node("file")->open(request, O_RDONLY).run();
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(read_all(opened->handle), "hello, world");
  EXPECT_EQ(read_all(opened->handle, 7), "world");
  EXPECT_EQ(read_all(opened->handle, 100), "");
}

TEST_F(HostStoreTest, WritesReachTheHost) {
  write_file(host / "file", "0123456789");
  const Result<Opened> opened = node("file")->open(request, O_RDWR).run();
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(write_all(opened->handle, 3, "abc"), 3U);
  EXPECT_EQ(read_file(host / "file"), "012abc6789");
  EXPECT_TRUE(opened->handle->fsync(request, false).run().has_value());
  EXPECT_TRUE(opened->handle->fsync(request, true).run().has_value());
}

TEST_F(HostStoreTest, TruncatingAtOpenEmptiesTheFileEvenForAReader) {
  write_file(host / "file", "0123456789");
  ASSERT_TRUE(node("file")->open(request, O_RDONLY | O_TRUNC).run().has_value());
  EXPECT_EQ(stat_of(host / "file").st_size, 0);
}

TEST_F(HostStoreTest, AppendsGoToTheEndAndMappedPagesToTheirPlace) {
  write_file(host / "file", "0123456789");
  const Result<Opened> opened = node("file")->open(request, O_RDWR | O_APPEND).run();
  ASSERT_TRUE(opened.has_value());
  request.caller.tid = ::getpid();
  write_file(host / "file", "0123456789+");  // grew outside, behind the kernel's idea of its size
  EXPECT_EQ(write_all(opened->handle, 10, "end"), 3U);
  EXPECT_EQ(read_file(host / "file"), "0123456789+end");
  request.caller.tid = 0;  // as the kernel writes back
  EXPECT_EQ(write_all(opened->handle, 0, "map"), 3U);
  EXPECT_EQ(read_file(host / "file"), "map3456789+end");
}

TEST_F(HostStoreTest, CreationGivesAFileThatIsOpen) {
  const auto created = root()->create(request, name_of("new"), {.mode = S_IFREG | 0666, .umask = 022}, O_RDWR).run();
  ASSERT_TRUE(created.has_value());
  expect_same(created->entry.attr, stat_of(host / "new"));
  EXPECT_EQ(created->entry.attr.mode, S_IFREG | 0644U);
  EXPECT_EQ(write_all(created->opened.handle, 0, "text"), 4U);
  EXPECT_EQ(read_file(host / "new"), "text");
  EXPECT_EQ(node("new"), created->entry.node);
}

TEST_F(HostStoreTest, CreationOfWhatExistsAsksTheKernelToLookAgain) {
  write_file(host / "file", "old");
  ::mkfifo((host / "fifo").c_str(), 0666);
  const NewMode mode{.mode = S_IFREG | 0666, .umask = 0};
  EXPECT_EQ(root()->create(request, name_of("file"), mode, O_WRONLY).run().error(), Errno::stale);
  EXPECT_EQ(root()->create(request, name_of("fifo"), mode, O_WRONLY).run().error(), Errno::stale);
  EXPECT_EQ(root()->create(request, name_of("file"), mode, O_WRONLY | O_EXCL).run().error(), Errno::exists);
  EXPECT_EQ(read_file(host / "file"), "old");
}

TEST_F(HostStoreTest, DevicesAreMadeWhereThatWasAskedForAlone) {
  SKIP_WITHOUT_ROOT();
  if (::mknod((host / "probe").c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) GTEST_SKIP() << "no mknod(2) here";
  const NewMode mode{.mode = S_IFCHR | 0640, .umask = 0};
  EXPECT_EQ(root()->mknod(request, name_of("c"), mode, makedev(1, 3)).run().error(), Errno::not_permitted);
  HostStoreOptions options;
  options.device_nodes = DeviceNodes::made;
  open_store(std::move(options));
  const auto made = root()->mknod(request, name_of("c"), mode, makedev(1, 3)).run();
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->attr.rdev, makedev(1, 3));
  EXPECT_TRUE(S_ISCHR(stat_of(host / "c").st_mode));
}

TEST_F(HostStoreTest, DirectoriesAndSpecialFilesAreMade) {
  const auto directory = root()->mkdir(request, name_of("d"), {.mode = S_IFDIR | 01777, .umask = 022}).run();
  ASSERT_TRUE(directory.has_value());
  expect_same(directory->attr, stat_of(host / "d"));
  EXPECT_EQ(directory->attr.mode, S_IFDIR | 01755U);
  EXPECT_TRUE(root()->mknod(request, name_of("p"), {.mode = S_IFIFO | 0600, .umask = 0}, 0).run().has_value());
  EXPECT_TRUE(root()->mknod(request, name_of("s"), {.mode = S_IFSOCK | 0600, .umask = 0}, 0).run().has_value());
  EXPECT_TRUE(root()->mknod(request, name_of("f"), {.mode = 0600, .umask = 0}, 0).run().has_value());
  EXPECT_TRUE(S_ISFIFO(stat_of(host / "p").st_mode));
  EXPECT_TRUE(S_ISSOCK(stat_of(host / "s").st_mode));
  EXPECT_TRUE(S_ISREG(stat_of(host / "f").st_mode));
  const auto link = root()->symlink(request, name_of("l"), "a/b").run();
  ASSERT_TRUE(link.has_value());
  EXPECT_EQ(std::filesystem::read_symlink(host / "l"), "a/b");
}

TEST_F(HostStoreTest, DevicesAreNotMade) {
  for (const mode_t type : {mode_t{S_IFCHR}, mode_t{S_IFBLK}}) {
    const auto made = root()->mknod(request, name_of("dev"), {.mode = type | 0600, .umask = 0}, makedev(1, 3)).run();
    EXPECT_EQ(made.error(), Errno::not_permitted);
  }
  EXPECT_FALSE(std::filesystem::exists(host / "dev"));
}

TEST_F(HostStoreTest, ErrorsAreThoseOfTheHost) {
  ::mkdir((host / "full").c_str(), 0755);
  write_file(host / "full/x", "");
  EXPECT_EQ(root()->rmdir(request, name_of("full")).run().error(), Errno{ENOTEMPTY});
  EXPECT_EQ(root()->unlink(request, name_of("full")).run().error(), Errno::is_directory);
  EXPECT_EQ(root()->unlink(request, name_of("absent")).run().error(), Errno::no_entry);
  EXPECT_EQ(root()->mkdir(request, name_of("full"), {.mode = 0755}).run().error(), Errno::exists);
  EXPECT_EQ(node("full/x")->mkdir(request, name_of("y"), {.mode = 0755}).run().error(), Errno::not_directory);
  EXPECT_EQ(node("full/x")->opendir(request).run().error(), Errno::not_directory);
  EXPECT_EQ(node("full")->open(request, O_RDONLY).run().error(), Errno::is_directory);
}

TEST_F(HostStoreTest, RenameKnowsItsFlags) {
  write_file(host / "a", "a");
  write_file(host / "b", "b");
  const auto rename = [&](const char* from, const char* to, unsigned flags) {
    return root()->rename(request, name_of(from), root(), name_of(to), flags).run();
  };
  EXPECT_EQ(rename("a", "b", RENAME_NOREPLACE).error(), Errno::exists);
  EXPECT_TRUE(rename("a", "b", RENAME_EXCHANGE).has_value());
  EXPECT_EQ(read_file(host / "a"), "b");
  EXPECT_EQ(rename("a", "b", RENAME_WHITEOUT).error(), Errno::invalid);
  EXPECT_TRUE(rename("a", "b", 0).has_value());
  EXPECT_EQ(read_file(host / "b"), "b");
  EXPECT_FALSE(std::filesystem::exists(host / "a"));
}

TEST_F(HostStoreTest, HardLinksAreOneNode) {
  write_file(host / "one", "x");
  const Result<Entry> single = walk("one");
  const auto linked = root()->link(request, single->node, name_of("two")).run();
  ASSERT_TRUE(linked.has_value());
  EXPECT_EQ(linked->node, single->node);
  EXPECT_EQ(linked->attr.nlink, 2U);
  EXPECT_GT(linked->valid_for, Validity::zero()) << "whoever judges by name makes it zero";
  ASSERT_TRUE(root()->unlink(request, name_of("one")).run().has_value());
  EXPECT_EQ(attributes(linked->node)->nlink, 1U);
  EXPECT_EQ(contents("two"), "x");
}

TEST_F(HostStoreTest, ASymlinkCanBeHardLinked) {
  make_symlink("target", host / "l");
  ASSERT_TRUE(root()->link(request, node("l"), name_of("m")).run().has_value());
  EXPECT_EQ(stat_of(host / "l").st_ino, stat_of(host / "m").st_ino);
}

TEST_F(HostStoreTest, SetattrChangesWhatItNamesAndNothingElse) {
  write_file(host / "file", "0123456789");
  const Ref<Node> file = node("file");
  SetAttr change;
  change.mode = 0640;
  EXPECT_EQ(file->setattr(request, change, nullptr).run()->mode, S_IFREG | 0640U);
  change = {};
  change.size = 4;
  EXPECT_EQ(file->setattr(request, change, nullptr).run()->size, 4U);
  EXPECT_EQ(read_file(host / "file"), "0123");
  change = {};
  change.mtime = SetTime{.now = false, .moment = {.tv_sec = 1234567890, .tv_nsec = 987654321}};
  const struct stat before = stat_of(host / "file");
  ASSERT_TRUE(file->setattr(request, change, nullptr).run().has_value());
  const struct stat after = stat_of(host / "file");
  EXPECT_EQ(after.st_mtim.tv_sec, 1234567890);
  EXPECT_EQ(after.st_mtim.tv_nsec, 987654321);
  EXPECT_EQ(after.st_atim.tv_nsec, before.st_atim.tv_nsec);
  change = {};
  change.atime = SetTime{.now = true, .moment = {}};
  ASSERT_TRUE(file->setattr(request, change, nullptr).run().has_value());
  EXPECT_EQ(stat_of(host / "file").st_mtim.tv_sec, 1234567890);
  EXPECT_GT(stat_of(host / "file").st_atim.tv_sec, 1600000000);
}

TEST_F(HostStoreTest, SetattrErrorsAreThoseOfTheHost) {
  make_symlink("x", host / "l");
  SetAttr change;
  change.mode = 0600;
  EXPECT_EQ(node("l")->setattr(request, change, nullptr).run().error(), Errno::not_supported);
  change = {};
  change.size = 1;
  EXPECT_EQ(root()->setattr(request, change, nullptr).run().error(), Errno::is_directory);
  change.size = ~std::uint64_t{0};
  write_file(host / "f", "");
  EXPECT_EQ(node("f")->setattr(request, change, nullptr).run().error(), Errno{EFBIG});
}

TEST_F(HostStoreTest, TheTimesAndOwnerOfASymlinkAreItsOwn) {
  SKIP_WITHOUT_ROOT();
  make_symlink("absent", host / "l");
  SetAttr change;
  change.uid = 12;
  change.gid = 34;
  change.mtime = SetTime{.now = false, .moment = {.tv_sec = 99, .tv_nsec = 5}};
  ASSERT_TRUE(node("l")->setattr(request, change, nullptr).run().has_value());
  const struct stat status = stat_of(host / "l");
  EXPECT_EQ(status.st_uid, 12U);
  EXPECT_EQ(status.st_gid, 34U);
  EXPECT_EQ(status.st_mtim.tv_sec, 99);
}

TEST_F(HostStoreTest, ChownAndChmodTogetherEndWithTheModeThatWasAsked) {
  SKIP_WITHOUT_ROOT();
  write_file(host / "file", "");
  SetAttr change;
  change.uid = 5;
  change.mode = 04755;
  EXPECT_EQ(node("file")->setattr(request, change, nullptr).run()->mode, S_IFREG | 04755U);
}

TEST_F(HostStoreTest, SetIdBitsCanBeDroppedWithATruncation) {
  write_file(host / "file", "1234");
  ::chmod((host / "file").c_str(), 06775);
  SetAttr change;
  change.size = 1;
  change.kill_suid_sgid = true;
  EXPECT_EQ(node("file")->setattr(request, change, nullptr).run()->mode, S_IFREG | 0775U);
}

TEST_F(HostStoreTest, ExtendedAttributesAreThoseOfTheHost) {
  write_file(host / "file", "");
  const Ref<Node> file = node("file");
  const std::string value = "value";
  const auto bytes = std::as_bytes(std::span(value));
  const Result<> set = file->setxattr(request, "user.test", bytes, 0).run();
  if (!set && set.error() == Errno::not_supported) GTEST_SKIP() << "no extended attributes below";
  ASSERT_TRUE(set.has_value());
  for (const bool readable : {false, true}) {
    SCOPED_TRACE(readable);
    if (readable) (void)contents("file");  // from here on the node has a data descriptor
    std::array<char, 64> buffer{};
    ASSERT_EQ(::getxattr((host / "file").c_str(), "user.test", buffer.data(), buffer.size()), 5);
    EXPECT_EQ(file->getxattr(request, "user.test", {}).run(), 5U);
    std::array<std::byte, 64> into{};
    EXPECT_EQ(file->getxattr(request, "user.test", into).run(), 5U);
    EXPECT_EQ(std::memcmp(into.data(), "value", 5), 0);
    EXPECT_EQ(file->getxattr(request, "user.test", std::span(into).first(2)).run().error(), Errno::out_of_range);
    EXPECT_EQ(file->getxattr(request, "user.none", into).run().error(), Errno::no_data);
    EXPECT_EQ(file->listxattr(request, {}).run(), 10U);
    EXPECT_EQ(file->listxattr(request, into).run(), 10U);
    EXPECT_EQ(std::memcmp(into.data(), "user.test\0", 10), 0);
    EXPECT_EQ(file->setxattr(request, "user.test", bytes, XATTR_CREATE).run().error(), Errno::exists);
    EXPECT_EQ(file->removexattr(request, "user.none").run().error(), Errno::no_data);
  }
  EXPECT_TRUE(file->removexattr(request, "user.test").run().has_value());
  EXPECT_EQ(::getxattr((host / "file").c_str(), "user.test", nullptr, 0), -1);
}

TEST_F(HostStoreTest, TrustedAttributesAreOfTheSymlinkItselfAndNotForEverybody) {
  SKIP_WITHOUT_ROOT();
  write_file(host / "file", "");
  make_symlink("file", host / "l");
  const std::string value = "v";
  const Result<> set = node("l")->setxattr(request, "trusted.t", std::as_bytes(std::span(value)), 0).run();
  if (!set) GTEST_SKIP() << "no trusted attributes below";
  EXPECT_EQ(::lgetxattr((host / "l").c_str(), "trusted.t", nullptr, 0), 1);
  EXPECT_EQ(::getxattr((host / "file").c_str(), "trusted.t", nullptr, 0), -1);
  EXPECT_EQ(node("l")->listxattr(request, {}).run(), 10U);
  request.caller.uid = request.caller.gid = 1234;
  EXPECT_EQ(node("l")->listxattr(request, {}).run(), 0U);
}

TEST_F(HostStoreTest, SparseFilesStaySparse) {
  write_file(host / "file", "");
  const Result<Opened> opened = node("file")->open(request, O_RDWR).run();
  constexpr std::uint64_t kFar = 1 << 20;
  ASSERT_TRUE(write_all(opened->handle, kFar, "data").has_value());
  const int fd = ::open((host / "file").c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(opened->handle->lseek(request, 0, SEEK_DATA).run(), static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_DATA)));
  EXPECT_EQ(opened->handle->lseek(request, 0, SEEK_HOLE).run(), 0U);
  EXPECT_EQ(opened->handle->lseek(request, 2 * kFar, SEEK_DATA).run().error(), Errno{ENXIO});
  ::close(fd);
  const Result<> reserved = opened->handle->fallocate(request, 0, 0, 3 * kFar).run();
  if (reserved) EXPECT_EQ(stat_of(host / "file").st_size, static_cast<off_t>(3 * kFar));
}

TEST_F(HostStoreTest, RangesAreCopiedBelow) {
  write_file(host / "from", "0123456789");
  write_file(host / "to", "abcdefghij");
  const Result<Opened> from = node("from")->open(request, O_RDONLY).run();
  const Result<Opened> to = node("to")->open(request, O_WRONLY).run();
  EXPECT_EQ(from->handle->copy_file_range(request, 2, to->handle, 5, 3).run(), 3U);
  EXPECT_EQ(read_file(host / "to"), "abcde234ij");
}

TEST_F(HostStoreTest, StatfsAnswersForTheDeviceBelow) {
  struct statvfs native{};
  ASSERT_EQ(::statvfs(host.path().c_str(), &native), 0);
  const auto mirrored = root()->statfs(request).run();
  ASSERT_TRUE(mirrored.has_value());
  EXPECT_EQ(mirrored->f_blocks, native.f_blocks);
  EXPECT_EQ(mirrored->f_bsize, native.f_bsize);
  EXPECT_EQ(mirrored->f_namemax, native.f_namemax);
}

TEST_F(HostStoreTest, ATemporaryFileCanBeGivenAName) {
  const auto made = root()->tmpfile(request, {.mode = S_IFREG | 0666, .umask = 022}, O_RDWR).run();
  if (!made && made.error() == Errno::not_supported) GTEST_SKIP() << "no O_TMPFILE below";
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->entry.attr.nlink, 0U);
  EXPECT_EQ(made->entry.attr.mode, S_IFREG | 0644U);
  ASSERT_TRUE(write_all(made->opened.handle, 0, "late").has_value());
  ASSERT_TRUE(root()->link(request, made->entry.node, name_of("named")).run().has_value());
  EXPECT_EQ(read_file(host / "named"), "late");
  EXPECT_EQ(node("named"), made->entry.node);
}

}  // namespace
}  // namespace fusebox
