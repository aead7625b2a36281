// What a node or a handle answers that supports next to nothing.
#include <gtest/gtest.h>

#include <array>

#include "fusebox/node.h"

namespace fusebox {
namespace {

class BareNode final : public Node {
 public:
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::directory(0555); }
};

const Name kName = *Name::parse("a");
const std::string kXattr = "user.a";

TEST(BareNode, HasNoIdentityButItself) { EXPECT_EQ(BareNode().identity(), std::nullopt); }

TEST(BareNode, IsNoDirectoryNorLink) {
  BareNode node;
  EXPECT_EQ(node.lookup({}, kName).run().error(), Errno::not_directory);
  EXPECT_EQ(node.readlink({}).run().error(), Errno::invalid);
}

TEST(BareNode, AnswersItselfForWhatIsOpened) {
  BareNode node;
  EXPECT_EQ(node.open({}, 0).run()->handle, nullptr);
  EXPECT_EQ(node.opendir({}).run()->handle, nullptr);
  EXPECT_EQ(node.read({}, 0, {}).run().error(), Errno::invalid);
}

TEST(BareNode, IsReadOnly) {
  BareNode node;
  const auto other = make<BareNode>();
  EXPECT_EQ(node.setattr({}, {}, nullptr).run().error(), Errno::not_permitted);
  EXPECT_EQ(node.create({}, kName, {}, 0).run().error(), Errno::read_only);
  EXPECT_EQ(node.mknod({}, kName, {}, 0).run().error(), Errno::read_only);
  EXPECT_EQ(node.mkdir({}, kName, {}).run().error(), Errno::read_only);
  EXPECT_EQ(node.symlink({}, kName, "x").run().error(), Errno::read_only);
  EXPECT_EQ(node.link({}, other, kName).run().error(), Errno::read_only);
  EXPECT_EQ(node.unlink({}, kName).run().error(), Errno::read_only);
  EXPECT_EQ(node.rmdir({}, kName).run().error(), Errno::read_only);
  EXPECT_EQ(node.rename({}, kName, other, kName, 0).run().error(), Errno::read_only);
  EXPECT_EQ(node.tmpfile({}, {}, 0).run().error(), Errno::not_supported);
}

TEST(BareNode, HasNoExtendedAttributes) {
  BareNode node;
  EXPECT_EQ(node.getxattr({}, kXattr, {}).run().error(), Errno::not_supported);
  EXPECT_EQ(node.setxattr({}, kXattr, {}, 0).run().error(), Errno::not_supported);
  EXPECT_EQ(node.listxattr({}, {}).run().error(), Errno::not_supported);
  EXPECT_EQ(node.removexattr({}, kXattr).run().error(), Errno::not_supported);
}

TEST(BareNode, LeavesAccessToTheKernelAndHasARoundStatfs) {
  BareNode node;
  EXPECT_EQ(node.access({}, 0).run().error(), Errno::not_implemented);
  const Result<struct statvfs> st = node.statfs({}).run();
  ASSERT_TRUE(st);
  EXPECT_EQ(st->f_namemax, 255u);
  EXPECT_GT(st->f_bsize, 0u);
}

TEST(BareHandle, AnswersAsAnOpenFileWithoutOperations) {
  Handle handle;
  std::array<std::byte, 1> buffer{};
  EXPECT_EQ(handle.read({}, 0, buffer).run().error(), Errno::invalid);
  EXPECT_EQ(handle.write({}, 0, buffer).run().error(), Errno::bad_handle);
  EXPECT_EQ(handle.flush({}, LockOwner{}).run().error(), Errno::not_implemented);
  EXPECT_EQ(handle.fsync({}, false).run().error(), Errno::not_implemented);
  EXPECT_EQ(handle.fallocate({}, 0, 0, 1).run().error(), Errno::not_supported);
  EXPECT_EQ(handle.lseek({}, 0, 3).run().error(), Errno::not_implemented);
  EXPECT_EQ(handle.copy_file_range({}, 0, nullptr, 0, 1).run().error(), Errno::not_implemented);
}

}  // namespace
}  // namespace fusebox
