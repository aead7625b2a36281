// What files do not have, and what the kernel makes of it: it remembers ENOSYS for all of a mount's files, so that it
// may hear it only where it holds for all of them.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "support/fake_kernel.h"
#include "support/memory_tree.h"

namespace fusebox::testing {
namespace {

constexpr Errno kBeyondTheEnd{ENXIO};

// A handle that can do nothing.
struct BareHandle final : Handle {};

struct BareFile final : Node {
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::file(0644, 1'000); }
  Task<Opened> open(const Request&, int) override { co_return Opened{.handle = make<BareHandle>()}; }
  Task<Opened> opendir(const Request&) override { co_return Opened{.handle = make<BareHandle>()}; }
};

// A node that says ENOSYS of itself.
struct Reluctant final : Node {
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::directory(0755); }
  Task<Opened> open(const Request&, int) override { co_return Errno::not_implemented; }
  Task<Created> create(const Request&, Name, NewMode, int) override { co_return Errno::not_implemented; }
  Task<> rename(const Request&, Name, Ref<Node>, Name, unsigned) override { co_return Errno::not_implemented; }
  Task<std::size_t> getxattr(const Request&, const std::string&, std::span<std::byte>) override {
    co_return Errno::not_implemented;
  }
};

TEST(ANodeThatSaysENOSYS, SwitchesNothingOffForOthers) {
  FakeKernel kernel(make<Reluctant>());
  EXPECT_EQ(kernel.open(kRoot, O_RDONLY), fail(Errno::not_supported));
  EXPECT_EQ(kernel.create(kRoot, "new", O_RDWR), fail(Errno::not_supported));
  EXPECT_EQ(kernel.rename2(kRoot, "a", kRoot, "b", 1), fail(Errno::not_supported));
  EXPECT_EQ(kernel.getxattr(kRoot, "user.a"), fail(Errno::not_supported));
}

// Opened without a handle: it answers itself, but can do nothing more than be looked at.
struct Unopened final : Node {
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::file(0644, 1'000); }
};

class OneBareFile : public ::testing::Test {
 protected:
  wire::CopyFileRangeIn copy(std::uint64_t fh) const {
    return {.fh_in = fh, .off_in = 0, .nodeid_out = kRoot, .fh_out = fh, .off_out = 0, .len = 5, .flags = 0};
  }

  FakeKernel kernel_{make<BareFile>()};
  std::uint64_t fh_ = kernel_.open(kRoot, O_RDWR)->fh;
};

TEST_F(OneBareFile, DoesNotSwitchFlushAndFsyncOffForOthers) {
  EXPECT_TRUE(kernel_.flush(fh_));
  EXPECT_TRUE(kernel_.fsync(fh_));
  EXPECT_TRUE(kernel_.fsync(fh_, true));
  EXPECT_TRUE(kernel_.fsyncdir(kernel_.opendir(kRoot)->fh));
}

TEST_F(OneBareFile, HasDataUpToItsEndAndAHoleThere) {
  EXPECT_EQ(kernel_.lseek(fh_, 0, SEEK_DATA), 0u);
  EXPECT_EQ(kernel_.lseek(fh_, 999, SEEK_DATA), 999u);
  EXPECT_EQ(kernel_.lseek(fh_, 0, SEEK_HOLE), 1'000u);
  EXPECT_EQ(kernel_.lseek(fh_, 1'000, SEEK_DATA), fail(kBeyondTheEnd));
  EXPECT_EQ(kernel_.lseek(fh_, ~0ull, SEEK_HOLE), fail(kBeyondTheEnd));
  EXPECT_EQ(kernel_.lseek(fh_, 0, SEEK_END), fail(Errno::invalid));
  EXPECT_EQ(kernel_.lseek(fh_, 0, 99), fail(Errno::invalid));
  EXPECT_EQ(kernel_.lseek(0, 5, SEEK_DATA), 5u);
}

TEST_F(OneBareFile, IsCopiedByReadingAndWriting) {
  EXPECT_EQ(kernel_.copy_file_range(copy(fh_)), fail(Errno::not_supported));
  EXPECT_EQ(kernel_.copy_file_range_64(copy(fh_)), fail(Errno::not_supported));
}

TEST_F(OneBareFile, IsAlwaysReadyAndAccessible) {
  EXPECT_NE(kernel_.poll(fh_, 1).value_or(0), 0u);
  EXPECT_TRUE(kernel_.access(kRoot, R_OK));
}

TEST(AnUnopenedFile, DoesNotSwitchFsyncOffForThoseThatAreOpened) {
  FakeKernel kernel(make<Unopened>());
  EXPECT_EQ(kernel.open(kRoot, O_RDWR)->fh, 0u);
  EXPECT_EQ(kernel.opendir(kRoot)->fh, 0u);
  EXPECT_TRUE(kernel.fsync(0));
  EXPECT_TRUE(kernel.fsyncdir(0));
  EXPECT_TRUE(kernel.releasedir(0));
  EXPECT_TRUE(kernel.release(0));
}

// Where nothing is opened, nothing is to be flushed: the kernel need not ask at each close(2).
TEST(AnUnopenedFile, IsNotFlushed) {
  FakeKernel kernel(make<Unopened>(), {.opens_files = false});
  EXPECT_EQ(kernel.flush(0), fail(Errno::not_implemented));
}

TEST(ABareNode, MayHaveNoAccessCheckButErrorsOfOne) {
  struct Closed final : Node {
    Task<> access(const Request&, int) override { co_return Errno::access; }
  };
  EXPECT_EQ(FakeKernel(make<Closed>()).access(kRoot, R_OK), fail(Errno::access));
}

TEST(ABareNode, IsNotSynced) { EXPECT_EQ(FakeKernel(memory_tree()).syncfs(), fail(Errno::not_implemented)); }

TEST(ABareNode, HasStatxOfItsAttributes) {
  FakeKernel kernel(make<BareFile>());
  const auto out = kernel.statx(kRoot);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->stat.size, 1'000u);
  EXPECT_EQ(out->stat.mode, S_IFREG | 0644);
  EXPECT_EQ(out->stat.mask, static_cast<std::uint32_t>(STATX_BASIC_STATS));  // no birth is known
  EXPECT_EQ(kernel.statx(4711), fail(Errno::stale));
}

// ---------------------------------------------------------------------------------------------- nothing is opened

// A directory and a file in one, whose operations reach itself.
struct Everything final : Node {
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::file(0644, text.size()); }
  Task<Opened> open(const Request&, int) override {
    opened = true;
    co_return Opened();
  }
  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override {
    const std::string piece = text.substr(offset, into.size());
    std::memcpy(into.data(), piece.data(), piece.size());
    co_return piece.size();
  }
  Task<std::size_t> write(const Request&, std::uint64_t offset, std::span<const std::byte> data) override {
    text.replace(offset, data.size(), reinterpret_cast<const char*>(data.data()), data.size());
    co_return data.size();
  }
  Task<> fsync(const Request&, bool) override {
    ++synced;
    co_return {};
  }
  Task<std::size_t> copy_file_range(const Request&, std::uint64_t, Ref<Handle> target, std::uint64_t,
                                    std::size_t length) override {
    if (target.get() != this) co_return Errno::cross_device;
    co_return length;
  }
  Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink) override {
    if (offset == 0) sink.add("a", 7, DT_REG, 1);
    co_return {};
  }

  std::string text = "contents";
  int synced = 0;
  bool opened = false;
};

class NothingOpened : public ::testing::TestWithParam<bool> {
 protected:
  Ref<Everything> node_ = make<Everything>();
  FakeKernel kernel_{node_, {.opens_files = GetParam(), .opens_directories = GetParam()}};
};

TEST_P(NothingOpened, OperationsReachTheNode) {
  ASSERT_TRUE(kernel_.init());
  EXPECT_EQ(kernel_.read(0, 3, 100), "tents");
  EXPECT_EQ(kernel_.write(0, 0, "CON"), 3u);
  EXPECT_EQ(node_->text, "CONtents");
  EXPECT_TRUE(kernel_.fsync(0));
  EXPECT_TRUE(kernel_.fsyncdir(0));
  EXPECT_EQ(node_->synced, 2);
  const auto listing = kernel_.readdir(kRoot, 0);
  ASSERT_TRUE(listing);
  ASSERT_EQ(listing->size(), 1u);
  EXPECT_EQ(listing->front().name, "a");
  const wire::CopyFileRangeIn copy{
      .fh_in = 0, .off_in = 0, .nodeid_out = kRoot, .fh_out = 0, .off_out = 4, .len = 3, .flags = 0};
  EXPECT_EQ(kernel_.copy_file_range(copy), 3u);
  wire::CopyFileRangeIn elsewhere = copy;
  elsewhere.nodeid_out = 4711;
  EXPECT_EQ(kernel_.copy_file_range(elsewhere), fail(Errno::stale));
  EXPECT_EQ(kernel_.read(0, 0, 1, 4711), fail(Errno::stale));
  EXPECT_EQ(kernel_.read(4711, 0, 1), fail(Errno::bad_handle));
}

TEST_P(NothingOpened, TheKernelIsToldSoWhereItHoldsForAllFiles) {
  const auto out = kernel_.init();
  ASSERT_TRUE(out);
  EXPECT_EQ((out->flags & wire::kNoOpenSupport) == 0, GetParam());
  EXPECT_EQ((out->flags & wire::kNoOpendirSupport) == 0, GetParam());
  const auto file = kernel_.open(kRoot, O_RDWR);
  const auto directory = kernel_.opendir(kRoot);
  if (GetParam()) {
    ASSERT_TRUE(file);
    EXPECT_EQ(file->fh, 0u);
    EXPECT_NE(file->open_flags & wire::kOpenNoFlush, 0u);
    EXPECT_EQ(directory->fh, 0u);
  } else {
    EXPECT_EQ(file, fail(Errno::not_implemented));
    EXPECT_EQ(directory, fail(Errno::not_implemented));
  }
  EXPECT_EQ(node_->opened, GetParam());
}

INSTANTIATE_TEST_SUITE_P(FilesAre, NothingOpened, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "opened" : "not_opened"; });

TEST(AbsentXattrs, AreAnsweredWithoutAskingTheNode) {
  const auto root = memory_tree();
  FakeKernel kernel(root, {.posix_acl = false, .extended_attributes = false});
  ASSERT_TRUE(kernel.init());
  EXPECT_EQ(kernel.setxattr(kRoot, "user.a", "value"), fail(Errno::not_implemented));
  EXPECT_EQ(kernel.getxattr(kRoot, "user.a"), fail(Errno::not_implemented));
  EXPECT_EQ(kernel.getxattr_size(kRoot, "user.a"), fail(Errno::not_implemented));
  EXPECT_EQ(kernel.listxattr(kRoot), fail(Errno::not_implemented));
  EXPECT_EQ(kernel.removexattr(kRoot, "user.a"), fail(Errno::not_implemented));
  EXPECT_TRUE(kernel.getattr(kRoot));
}

TEST(AbsentXattrs, OfOneNodeAreNoneOfAnothers) {
  FakeKernel kernel(make<BareFile>());
  EXPECT_EQ(kernel.getxattr(kRoot, "user.a"), fail(Errno::not_supported));
  EXPECT_EQ(kernel.setxattr(kRoot, "user.a", "x"), fail(Errno::not_supported));
  EXPECT_EQ(kernel.listxattr(kRoot), fail(Errno::not_supported));
  EXPECT_EQ(kernel.removexattr(kRoot, "user.a"), fail(Errno::not_supported));
}

}  // namespace
}  // namespace fusebox::testing
