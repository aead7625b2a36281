// Every operation once, as the kernel asks for it, over a file system in memory.
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <string>

#include "support/fake_kernel.h"
#include "support/memory_tree.h"

namespace fusebox::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using wire::Opcode;

std::vector<std::string> names_of(const Result<std::vector<Listed>>& listing) {
  std::vector<std::string> names;
  if (!listing) return {"errno " + std::to_string(static_cast<int>(listing.error()))};
  for (const Listed& item : *listing) names.push_back(item.name);
  return names;
}

class Opcodes : public ::testing::Test {
 protected:
  Opcodes() {
    root_->add_file("motd", "hello, world");
    root_->add_directory("etc")->add_file("passwd", "root:x:0:0");
    root_->add_symlink("link", "etc/passwd");
    EXPECT_TRUE(kernel_.init());
  }

  // Whatever a test did: what the kernel gives back is gone.
  ~Opcodes() override {
    kernel_.forget_everything();
    EXPECT_EQ(kernel_.session().tree().inodes.size(), 1u);
    EXPECT_EQ(kernel_.session().tree().handles.size(), 0u);
    EXPECT_EQ(kernel_.door().refused(), 0u);
  }

  std::uint64_t node(std::string_view path) {
    const auto entry = kernel_.walk(path);
    EXPECT_TRUE(entry) << path;
    return entry ? entry->nodeid : 0;
  }
  std::uint64_t opened(std::string_view path, int flags = O_RDWR) {
    const auto file = kernel_.open(node(path), flags);
    EXPECT_TRUE(file) << path;
    return file ? file->fh : 0;
  }
  std::string contents(std::string_view name) {
    const auto file = std::dynamic_pointer_cast<MemoryFile>(root_->child(name));
    return file ? file->contents() : "no such file";
  }

  Ref<MemoryDirectory> root_ = memory_tree();
  FakeKernel kernel_{root_};
};

TEST_F(Opcodes, LookupFindsAFile) {
  const auto entry = kernel_.lookup(kRoot, "motd");
  ASSERT_TRUE(entry);
  EXPECT_GT(entry->nodeid, kRoot);
  EXPECT_EQ(entry->attr.size, 12u);
  EXPECT_EQ(entry->attr.mode, static_cast<std::uint32_t>(S_IFREG | 0644));
  EXPECT_EQ(kernel_.lookup(kRoot, "motd")->nodeid, entry->nodeid);
  EXPECT_EQ(kernel_.lookup(kRoot, "absent"), fail(Errno::no_entry));
  EXPECT_EQ(kernel_.lookup(entry->nodeid, "below a file"), fail(Errno::not_directory));
}

TEST_F(Opcodes, GetattrAsksNodesAndOpenFiles) {
  const std::uint64_t motd = node("motd");
  EXPECT_EQ(kernel_.getattr(motd)->attr.size, 12u);
  EXPECT_TRUE(S_ISDIR(kernel_.getattr(kRoot)->attr.mode));
  const std::uint64_t fh = opened("motd");
  EXPECT_EQ(kernel_.fgetattr(motd, fh)->attr.size, 12u);
  EXPECT_TRUE(kernel_.release(fh));
}

TEST_F(Opcodes, SetattrChangesWhatItNames) {
  wire::SetattrIn in{};
  in.valid = wire::kSetMode | wire::kSetSize | wire::kSetMtime;
  in.mode = 0600;
  in.size = 5;
  in.mtime = 1'000;
  in.mtimensec = 7;
  const auto out = kernel_.setattr(node("motd"), in);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->attr.mode, static_cast<std::uint32_t>(S_IFREG | 0600));
  EXPECT_EQ(out->attr.size, 5u);
  EXPECT_EQ(out->attr.mtime, 1'000u);
  EXPECT_EQ(out->attr.mtimensec, 7u);
  EXPECT_EQ(contents("motd"), "hello");
}

TEST_F(Opcodes, StatxSaysWhatGetattrSays) {
  const std::uint64_t motd = node("motd");
  const auto plain = kernel_.getattr(motd);
  const auto out = kernel_.statx(motd);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->stat.ino, plain->attr.ino);
  EXPECT_EQ(out->stat.size, plain->attr.size);
  EXPECT_EQ(out->stat.mode, plain->attr.mode);
  EXPECT_EQ(out->stat.mtime.tv_sec, static_cast<std::int64_t>(plain->attr.mtime));
}

TEST_F(Opcodes, AccessAndStatfsAnswer) {
  EXPECT_TRUE(kernel_.access(node("motd"), R_OK));
  const auto st = kernel_.statfs();
  ASSERT_TRUE(st);
  EXPECT_EQ(st->blocks, 1000u);
  EXPECT_EQ(st->bsize, 4096u);
  EXPECT_EQ(st->namelen, 255u);
}

TEST_F(Opcodes, ReadlinkGivesTheTarget) {
  EXPECT_EQ(kernel_.readlink(node("link")), "etc/passwd");
  EXPECT_EQ(kernel_.readlink(node("motd")), fail(Errno::invalid));
}

TEST_F(Opcodes, SymlinkMakesALink) {
  const auto entry = kernel_.symlink(kRoot, "new", "../far away");
  ASSERT_TRUE(entry);
  EXPECT_TRUE(S_ISLNK(entry->attr.mode));
  EXPECT_EQ(kernel_.readlink(entry->nodeid), "../far away");
}

TEST_F(Opcodes, MkdirAndMknodApplyTheUmaskThatTheyAreGiven) {
  const auto directory = kernel_.mkdir(kRoot, "dir", 0777, 027);
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->attr.mode, static_cast<std::uint32_t>(S_IFDIR | 0750));
  EXPECT_EQ(directory->attr.uid, 1000u);
  const auto device = kernel_.mknod(kRoot, "null", S_IFCHR | 0666, 0x103, 0);
  ASSERT_TRUE(device);
  EXPECT_EQ(device->attr.mode, static_cast<std::uint32_t>(S_IFCHR | 0666));
  EXPECT_EQ(device->attr.rdev, 0x103u);
  const auto fifo = kernel_.mknod(directory->nodeid, "fifo", S_IFIFO | 0644);
  ASSERT_TRUE(fifo);
  EXPECT_TRUE(S_ISFIFO(fifo->attr.mode));
  EXPECT_EQ(kernel_.mkdir(kRoot, "dir"), fail(Errno::exists));
}

TEST_F(Opcodes, UnlinkAndRmdirTakeNamesAway) {
  EXPECT_EQ(kernel_.rmdir(kRoot, "etc"), fail(Errno{ENOTEMPTY}));
  EXPECT_TRUE(kernel_.unlink(node("etc"), "passwd"));
  EXPECT_EQ(kernel_.unlink(kRoot, "etc"), fail(Errno::is_directory));
  EXPECT_TRUE(kernel_.rmdir(kRoot, "etc"));
  EXPECT_EQ(kernel_.lookup(kRoot, "etc"), fail(Errno::no_entry));
}

TEST_F(Opcodes, RenameMovesANode) {
  const std::uint64_t motd = node("motd");
  EXPECT_TRUE(kernel_.rename(kRoot, "motd", node("etc"), "motd.old"));
  EXPECT_EQ(kernel_.lookup(kRoot, "motd"), fail(Errno::no_entry));
  EXPECT_EQ(node("etc/motd.old"), motd);
}

TEST_F(Opcodes, Rename2ExchangesAndRefusesToReplace) {
  const std::uint64_t motd = node("motd");
  const std::uint64_t link = node("link");
  EXPECT_EQ(kernel_.rename2(kRoot, "motd", kRoot, "link", RENAME_NOREPLACE), fail(Errno::exists));
  EXPECT_TRUE(kernel_.rename2(kRoot, "motd", kRoot, "link", RENAME_EXCHANGE));
  EXPECT_EQ(node("link"), motd);
  EXPECT_EQ(node("motd"), link);
}

TEST_F(Opcodes, AHardLinkIsTheSameNode) {
  const std::uint64_t motd = node("motd");
  const auto entry = kernel_.link(motd, node("etc"), "again");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->nodeid, motd);
  EXPECT_EQ(entry->attr.nlink, 2u);
  EXPECT_EQ(kernel_.lookups(motd), 2u);
}

TEST_F(Opcodes, OpenReadWriteAndRelease) {
  const std::uint64_t fh = opened("motd");
  EXPECT_EQ(kernel_.read(fh, 0, 4096), "hello, world");
  EXPECT_EQ(kernel_.read(fh, 7, 3), "wor");
  EXPECT_EQ(kernel_.read(fh, 12, 100), "");
  EXPECT_EQ(kernel_.write(fh, 7, "fusebox"), 7u);
  EXPECT_EQ(kernel_.read(fh, 0, 4096), "hello, fusebox");
  EXPECT_TRUE(kernel_.flush(fh));
  EXPECT_TRUE(kernel_.fsync(fh, true));
  EXPECT_TRUE(kernel_.release(fh));
  EXPECT_EQ(kernel_.read(fh, 0, 1), fail(Errno::bad_handle));
}

TEST_F(Opcodes, OpenTruncatesWhereItIsAskedTo) {
  EXPECT_TRUE(kernel_.release(opened("motd", O_WRONLY | O_TRUNC)));
  EXPECT_EQ(contents("motd"), "");
}

TEST_F(Opcodes, AWriteOfAMegabyteArrivesWhole) {
  std::string data(1u << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 + i / 4096);
  const std::uint64_t fh = opened("motd");
  EXPECT_EQ(kernel_.write(fh, 0, data), 1u << 20);
  EXPECT_TRUE(kernel_.read(fh, 0, 1u << 20) == data);
  EXPECT_TRUE(kernel_.release(fh));
}

TEST_F(Opcodes, CreateMakesAndOpensAFile) {
  const auto created = kernel_.create(kRoot, "new", O_RDWR, 0666, 022);
  ASSERT_TRUE(created);
  EXPECT_EQ(created->entry.attr.mode, static_cast<std::uint32_t>(S_IFREG | 0644));
  EXPECT_EQ(kernel_.write(created->open.fh, 0, "text"), 4u);
  EXPECT_TRUE(kernel_.release(created->open.fh));
  EXPECT_EQ(contents("new"), "text");
}

TEST_F(Opcodes, TmpfileMakesAFileWithoutAName) {
  const auto created = kernel_.tmpfile(kRoot, O_RDWR);
  ASSERT_TRUE(created);
  EXPECT_EQ(created->entry.attr.nlink, 0u);
  EXPECT_EQ(kernel_.write(created->open.fh, 0, "text"), 4u);
  const auto named = kernel_.link(created->entry.nodeid, kRoot, "named");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->nodeid, created->entry.nodeid);
  EXPECT_TRUE(kernel_.release(created->open.fh));
  EXPECT_EQ(contents("named"), "text");
}

TEST_F(Opcodes, AnUnlinkedFileStaysUsableWhileItIsOpen) {
  const std::uint64_t motd = node("motd");
  const std::uint64_t fh = opened("motd");
  EXPECT_TRUE(kernel_.unlink(kRoot, "motd"));
  EXPECT_EQ(kernel_.getattr(motd)->attr.nlink, 0u);
  EXPECT_EQ(kernel_.read(fh, 0, 5), "hello");
  kernel_.forget(motd, kernel_.lookups(motd));
  EXPECT_EQ(kernel_.read(fh, 0, 5), "hello");
  EXPECT_TRUE(kernel_.release(fh));
}

TEST_F(Opcodes, FallocateLseekAndCopyFileRange) {
  const std::uint64_t fh = opened("motd");
  EXPECT_TRUE(kernel_.fallocate(fh, 0, 0, 100));
  EXPECT_EQ(contents("motd").size(), 100u);
  EXPECT_EQ(kernel_.fallocate(fh, FALLOC_FL_COLLAPSE_RANGE, 0, 1), fail(Errno::not_supported));
  EXPECT_EQ(kernel_.lseek(fh, 3, SEEK_DATA), 3u);
  EXPECT_EQ(kernel_.lseek(fh, 3, SEEK_HOLE), 100u);
  EXPECT_EQ(kernel_.lseek(fh, 100, SEEK_DATA), fail(Errno{ENXIO}));
  const wire::CopyFileRangeIn in{
      .fh_in = fh, .off_in = 7, .nodeid_out = node("motd"), .fh_out = fh, .off_out = 0, .len = 5, .flags = 0};
  EXPECT_EQ(kernel_.copy_file_range(in), 5u);
  EXPECT_EQ(contents("motd").substr(0, 12), "world, world");
  EXPECT_EQ(kernel_.copy_file_range_64(in), 5u);
  EXPECT_TRUE(kernel_.release(fh));
}

TEST_F(Opcodes, ExtendedAttributes) {
  const std::uint64_t motd = node("motd");
  EXPECT_EQ(kernel_.getxattr(motd, "user.a"), fail(Errno::no_data));
  EXPECT_TRUE(kernel_.setxattr(motd, "user.a", "value"));
  EXPECT_TRUE(kernel_.setxattr(motd, "user.b", ""));
  EXPECT_EQ(kernel_.getxattr_size(motd, "user.a"), 5u);
  EXPECT_EQ(kernel_.getxattr(motd, "user.a"), "value");
  EXPECT_EQ(kernel_.getxattr(motd, "user.a", 4), fail(Errno::out_of_range));
  EXPECT_EQ(kernel_.listxattr_size(motd), 14u);
  EXPECT_EQ(kernel_.listxattr(motd), std::string("user.a\0user.b\0", 14));
  EXPECT_TRUE(kernel_.removexattr(motd, "user.a"));
  EXPECT_EQ(kernel_.removexattr(motd, "user.a"), fail(Errno::no_data));
}

TEST_F(Opcodes, ReaddirListsWhatIsThere) {
  const auto directory = kernel_.opendir(kRoot);
  ASSERT_TRUE(directory);
  const auto listing = kernel_.readdir(kRoot, directory->fh);
  EXPECT_THAT(names_of(listing), ElementsAre(".", "..", "etc", "link", "motd"));
  EXPECT_EQ((*listing)[2].type, static_cast<std::uint32_t>(DT_DIR));
  EXPECT_EQ((*listing)[3].type, static_cast<std::uint32_t>(DT_LNK));
  EXPECT_EQ((*listing)[4].ino, kernel_.lookup(kRoot, "motd")->attr.ino);
  EXPECT_THAT(names_of(kernel_.readdir(kRoot, directory->fh, (*listing)[2].next)), ElementsAre("link", "motd"));
  EXPECT_THAT(names_of(kernel_.readdir(kRoot, directory->fh, listing->back().next)), ElementsAre());
  EXPECT_TRUE(kernel_.fsyncdir(directory->fh));
  EXPECT_TRUE(kernel_.releasedir(directory->fh));
}

TEST_F(Opcodes, ReaddirInSmallPiecesGivesEachNameOnce) {
  const auto directory = kernel_.opendir(kRoot);
  std::vector<std::string> names;
  std::uint64_t offset = 0;
  for (;;) {
    const auto piece = kernel_.readdir(kRoot, directory->fh, offset, 40);
    ASSERT_TRUE(piece);
    if (piece->empty()) break;
    EXPECT_EQ(piece->size(), 1u);
    names.push_back(piece->front().name);
    offset = piece->front().next;
  }
  EXPECT_THAT(names, ElementsAre(".", "..", "etc", "link", "motd"));
  EXPECT_TRUE(kernel_.releasedir(directory->fh));
}

TEST_F(Opcodes, ReaddirplusCountsALookupForEachEntry) {
  const auto directory = kernel_.opendir(kRoot);
  const std::uint64_t motd = node("motd");
  const auto listing = kernel_.readdirplus(kRoot, directory->fh);
  EXPECT_THAT(names_of(listing), ElementsAre(".", "..", "etc", "link", "motd"));
  EXPECT_EQ((*listing)[0].entry.nodeid, 0u);
  EXPECT_EQ((*listing)[1].entry.nodeid, 0u);
  EXPECT_EQ((*listing)[4].entry.nodeid, motd);
  EXPECT_EQ((*listing)[4].entry.attr.size, 12u);
  EXPECT_EQ(kernel_.lookups(motd), 2u);
  kernel_.forget(motd, 1);
  EXPECT_TRUE(kernel_.getattr(motd));
  kernel_.forget(motd, 1);
  EXPECT_EQ(kernel_.getattr(motd), fail(Errno::stale));
  EXPECT_TRUE(kernel_.releasedir(directory->fh));
}

TEST_F(Opcodes, ReaddirplusCountsOnlyWhatFitted) {
  const auto directory = kernel_.opendir(kRoot);
  const auto listing = kernel_.readdirplus(kRoot, directory->fh, 0, 3 * 160);
  EXPECT_THAT(names_of(listing), ElementsAre(".", "..", "etc"));
  EXPECT_EQ(kernel_.session().tree().inodes.size(), 2u);
  EXPECT_THAT(names_of(kernel_.readdirplus(kRoot, directory->fh, listing->back().next)), ElementsAre("link", "motd"));
  EXPECT_EQ(kernel_.session().tree().inodes.size(), 4u);
  EXPECT_TRUE(kernel_.releasedir(directory->fh));
}

TEST_F(Opcodes, DestroyIsAnswered) { EXPECT_TRUE(kernel_.call(RequestBytes(Opcode::destroy, 0))); }

TEST_F(Opcodes, WhatIsNotServedIsENOSYS) {
  for (const Opcode opcode : {Opcode::bmap, Opcode::setupmapping, Opcode::removemapping}) {
    EXPECT_EQ(kernel_.call(RequestBytes(opcode, kRoot).put_bytes(Bytes(64))), fail(Errno::not_implemented))
        << static_cast<std::uint32_t>(opcode);
  }
}

TEST_F(Opcodes, AnUnknownOpcodeIsENOSYS) {
  for (const std::uint32_t opcode : {0u, 7u, 19u, 54u, 4096u, 436207616u, 0xffffffffu}) {
    EXPECT_EQ(kernel_.call(RequestBytes(opcode, kRoot)), fail(Errno::not_implemented)) << opcode;
  }
}

TEST_F(Opcodes, SomeRequestsTakeNoReply) {
  kernel_.forget(kRoot, 0);
  kernel_.forget(12345, 1);
  kernel_.forget_everything();
  kernel_.interrupt(4242);
  EXPECT_FALSE(kernel_.answered(kernel_.send(RequestBytes(Opcode::notify_reply, kRoot).put_bytes(Bytes(40)))));
  EXPECT_FALSE(kernel_.answered(kernel_.send(RequestBytes(Opcode::forget, kRoot))));        // cut short
  EXPECT_FALSE(kernel_.answered(kernel_.send(RequestBytes(Opcode::batch_forget, kRoot))));  // cut short
  EXPECT_FALSE(kernel_.answered(kernel_.send(RequestBytes(Opcode::interrupt, kRoot))));     // cut short
  EXPECT_EQ(kernel_.door().refused(), 0u);
}

TEST_F(Opcodes, ABatchThatIsCutShortForgetsWhatItNames) {
  const std::uint64_t motd = node("motd");
  kernel_.send(RequestBytes(Opcode::batch_forget, 0)
                   .put(wire::BatchForgetIn{.count = 1'000'000, .dummy = 0})
                   .put(wire::ForgetOne{.nodeid = motd, .nlookup = 1}));
  EXPECT_EQ(kernel_.getattr(motd), fail(Errno::stale));
}

TEST_F(Opcodes, ExtensionsBehindTheArgumentsAreLeftAside) {
  // An extension of type 32: one supplementary group (section "extensions" of fuse.h: fuse_ext_header).
  const Bytes group = from_hex("10000000 20000000  01000000 e8030000");
  const auto reply = kernel_.call(RequestBytes(Opcode::mkdir, kRoot)
                                      .put(wire::MkdirIn{.mode = 0755, .umask = 0})
                                      .put_string("withgrp")  // eight bytes with its NUL
                                      .extend(group));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(root_->child("withgrp"));
  kernel_.forget(2, 1);
}

TEST_F(Opcodes, AForgottenNodeIsStale) {
  const std::uint64_t motd = node("motd");
  kernel_.forget(motd, 1);
  EXPECT_EQ(kernel_.getattr(motd), fail(Errno::stale));
  EXPECT_EQ(kernel_.lookup(motd, "x"), fail(Errno::stale));
  EXPECT_EQ(kernel_.open(motd, O_RDONLY), fail(Errno::stale));
  EXPECT_EQ(kernel_.rename(kRoot, "motd", motd, "x"), fail(Errno::stale));
  EXPECT_EQ(kernel_.link(motd, kRoot, "x"), fail(Errno::stale));
  EXPECT_EQ(kernel_.getattr(0), fail(Errno::stale));
  EXPECT_NE(node("motd"), motd);
}

TEST_F(Opcodes, AnUnknownHandleIsABadDescriptor) {
  for (const std::uint64_t fh : {std::uint64_t{99}, ~std::uint64_t{0}}) {
    EXPECT_EQ(kernel_.read(fh, 0, 1), fail(Errno::bad_handle));
    EXPECT_EQ(kernel_.write(fh, 0, "x"), fail(Errno::bad_handle));
    EXPECT_EQ(kernel_.flush(fh), fail(Errno::bad_handle));
    EXPECT_EQ(kernel_.fsync(fh), fail(Errno::bad_handle));
    EXPECT_EQ(kernel_.fallocate(fh, 0, 0, 1), fail(Errno::bad_handle));
    EXPECT_EQ(kernel_.lseek(fh, 0, SEEK_DATA), fail(Errno::bad_handle));
    EXPECT_EQ(kernel_.readdir(kRoot, fh), fail(Errno::bad_handle));
    EXPECT_EQ(kernel_.readdirplus(kRoot, fh), fail(Errno::bad_handle));
    EXPECT_TRUE(kernel_.release(fh));  // there is nobody to tell
  }
}

}  // namespace
}  // namespace fusebox::testing
