// What stat, chmod, chown, truncate, utimensat, access and statfs ask; extended attributes.
#include <sys/statvfs.h>

#include <algorithm>

#include "dispatch/opcode_table.h"
#include "wire/encode.h"

namespace fusebox::dispatch::serve {
namespace {

constexpr std::size_t kMaxXattr = 65536;  // XATTR_SIZE_MAX and XATTR_LIST_MAX, include/uapi/linux/limits.h

std::span<std::byte> room_for(const Call& call, std::uint32_t asked) {
  return call.reply.room(std::min<std::size_t>(asked, kMaxXattr));
}

// The kernel asks for them when it checks permissions, and takes ENODATA alone to mean that there are none
// (fs/fuse/acl.c: fuse_get_acl).
bool is_acl(std::string_view name) { return name == "system.posix_acl_access" || name == "system.posix_acl_default"; }

// The reply to GETXATTR and LISTXATTR: the length alone where the caller asked for it (size 0), else the bytes.
Result<> reply_sized(Call& call, std::uint32_t asked, std::size_t length) {
  if (asked == 0) {
    call.reply.put(wire::GetxattrOut{.size = static_cast<std::uint32_t>(length), .padding = 0});
    return {};
  }
  if (length > room_for(call, asked).size()) return fail(Errno::out_of_range);
  call.reply.commit(length);
  return {};
}

}  // namespace

Task<> getattr(Call& call) {
  const auto in = co_await call.arguments.take<wire::GetattrIn>();
  const Ref<Node> node = co_await call.node();
  Ref<Handle> open = call.handle_if((in.getattr_flags & wire::kGetattrHandle) != 0, in.fh);
  const Attr attr = co_await node->getattr(call.request, std::move(open));
  call.reply.put(wire::encode_attr_out(numbered(attr, call.node_id())));
  co_return {};
}

// All that we know is asked for in one go, whatever the mask: the kernel takes what it wants (fs/fuse/dir.c:
// fuse_do_statx).
Task<> statx(Call& call) {
  const auto in = co_await call.arguments.take<wire::StatxIn>();
  const Ref<Node> node = co_await call.node();
  Ref<Handle> open = call.handle_if((in.getattr_flags & wire::kGetattrHandle) != 0, in.fh);
  const Attr attr = co_await node->getattr(call.request, std::move(open));
  call.reply.put(wire::encode_statx_out(numbered(attr, call.node_id())));
  co_return {};
}

Task<> setattr(Call& call) {
  const auto in = co_await call.arguments.take<wire::SetattrIn>();
  const Ref<Node> node = co_await call.node();
  Ref<Handle> open = call.handle_if((in.valid & wire::kSetHandle) != 0, in.fh);
  const Attr attr = co_await node->setattr(call.request, wire::decode_setattr(in), std::move(open));
  call.reply.put(wire::encode_attr_out(numbered(attr, call.node_id())));
  co_return {};
}

Task<> access(Call& call) {
  const auto in = co_await call.arguments.take<wire::AccessIn>();
  const Ref<Node> node = co_await call.node();
  // ENOSYS would switch the check off for every other node too.
  const Result<> result = co_await attempt(node->access(call.request, static_cast<int>(in.mask)));
  if (!result && result.error() != Errno::not_implemented) co_return result.error();
  co_return {};
}

Task<> statfs(Call& call) {
  const Ref<Node> node = co_await call.node();
  const struct statvfs st = co_await node->statfs(call.request);
  call.reply.put(wire::Kstatfs{.blocks = st.f_blocks,
                               .bfree = st.f_bfree,
                               .bavail = st.f_bavail,
                               .files = st.f_files,
                               .ffree = st.f_ffree,
                               .bsize = static_cast<std::uint32_t>(st.f_bsize),
                               .namelen = static_cast<std::uint32_t>(st.f_namemax),
                               .frsize = static_cast<std::uint32_t>(st.f_frsize),
                               .padding = 0,
                               .spare = {}});
  co_return {};
}

Task<> syncfs(Call& call) {
  co_await call.arguments.take<wire::SyncfsIn>();
  const Ref<Node> node = co_await call.node();
  co_await node->syncfs(call.request);
  co_return {};
}

Task<> getxattr(Call& call) {
  const auto in = co_await call.arguments.take<wire::GetxattrIn>();
  const std::string name(co_await call.arguments.take_string());
  const Ref<Node> node = co_await call.node();
  const Result<std::size_t> length = co_await attempt(node->getxattr(call.request, name, room_for(call, in.size)));
  if (!length && length.error() == Errno::not_supported && is_acl(name)) co_return Errno::no_data;
  co_await reply_sized(call, in.size, co_await length);
  co_return {};
}

Task<> listxattr(Call& call) {
  const auto in = co_await call.arguments.take<wire::GetxattrIn>();
  const Ref<Node> node = co_await call.node();
  const std::size_t length = co_await node->listxattr(call.request, room_for(call, in.size));
  co_await reply_sized(call, in.size, length);
  co_return {};
}

Task<> setxattr(Call& call) {
  const auto in = co_await call.arguments.take<wire::SetxattrIn>();
  call.request.kill_suid_sgid = (in.setxattr_flags & wire::kSetxattrKillSgid) != 0;
  const std::string name(co_await call.arguments.take_string());
  const auto value = co_await call.arguments.take_bytes(in.size);
  const Ref<Node> node = co_await call.node();
  co_await node->setxattr(call.request, name, value, static_cast<int>(in.flags));
  co_return {};
}

Task<> removexattr(Call& call) {
  const std::string name(co_await call.arguments.take_string());
  const Ref<Node> node = co_await call.node();
  co_await node->removexattr(call.request, name);
  co_return {};
}

}  // namespace fusebox::dispatch::serve
