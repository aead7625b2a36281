// LOOKUP, and everything that makes, moves or removes a name.
#include "dispatch/opcode_table.h"
#include "wire/encode.h"

namespace fusebox::dispatch::serve {

Task<> lookup(Call& call) {
  const Name name = co_await call.arguments.take_name();
  const Ref<Node> parent = co_await call.node();
  Entry entry = co_await parent->lookup(call.request, name);
  if (entry.node) {
    co_await call.reply_entry(call.node_id(), name.text(), std::move(entry));
  } else if (entry.valid_for > Validity::zero()) {
    call.reply.put(wire::encode_entry(0, Attr{}, entry.valid_for));
  } else {
    co_return Errno::no_entry;
  }
  co_return {};
}

Task<> symlink(Call& call) {
  const Name name = co_await call.arguments.take_name();
  const std::string_view target = co_await call.arguments.take_string();
  const Ref<Node> parent = co_await call.node();
  Entry entry = co_await parent->symlink(call.request, name, std::string(target));
  co_await call.reply_entry(call.node_id(), name.text(), std::move(entry));
  co_return {};
}

Task<> readlink(Call& call) {
  const Ref<Node> node = co_await call.node();
  const std::string target = co_await node->readlink(call.request);
  const auto room = call.reply.room(target.size());
  call.reply.put_bytes(std::as_bytes(std::span(target)).first(room.size()));
  co_return {};
}

Task<> mknod(Call& call) {
  const auto in = co_await call.arguments.take<wire::MknodIn>();
  const Name name = co_await call.arguments.take_name();
  const Ref<Node> parent = co_await call.node();
  const NewMode mode{.mode = in.mode, .umask = in.umask};
  Entry entry = co_await parent->mknod(call.request, name, mode, wire::decode_device(in.rdev));
  co_await call.reply_entry(call.node_id(), name.text(), std::move(entry));
  co_return {};
}

Task<> mkdir(Call& call) {
  const auto in = co_await call.arguments.take<wire::MkdirIn>();
  const Name name = co_await call.arguments.take_name();
  const Ref<Node> parent = co_await call.node();
  const NewMode mode{.mode = (in.mode & 07777) | S_IFDIR, .umask = in.umask};
  Entry entry = co_await parent->mkdir(call.request, name, mode);
  co_await call.reply_entry(call.node_id(), name.text(), std::move(entry));
  co_return {};
}

Task<> unlink(Call& call) {
  const Name name = co_await call.arguments.take_name();
  const Ref<Node> parent = co_await call.node();
  co_await parent->unlink(call.request, name);
  call.tree.inodes.removed(call.node_id(), name.text());
  co_return {};
}

Task<> rmdir(Call& call) {
  const Name name = co_await call.arguments.take_name();
  const Ref<Node> parent = co_await call.node();
  co_await parent->rmdir(call.request, name);
  call.tree.inodes.removed(call.node_id(), name.text());
  co_return {};
}

namespace {

constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE of rename(2)

Task<> rename_to(Call& call, std::uint64_t directory, unsigned flags) {
  const Name from = co_await call.arguments.take_name();
  const Name to = co_await call.arguments.take_name();
  const tree::NodeId target_id{directory};
  const Ref<Node> parent = co_await call.node();
  const Ref<Node> target = co_await call.node(target_id);
  co_await parent->rename(call.request, from, target, to, flags);
  call.tree.inodes.renamed(call.node_id(), from.text(), target_id, to.text(), (flags & kExchange) != 0);
  co_return {};
}

}  // namespace

Task<> rename(Call& call) {
  const auto in = co_await call.arguments.take<wire::RenameIn>();
  co_await rename_to(call, in.newdir, 0);
  co_return {};
}

Task<> rename2(Call& call) {
  const auto in = co_await call.arguments.take<wire::Rename2In>();
  co_await rename_to(call, in.newdir, in.flags);
  co_return {};
}

Task<> link(Call& call) {
  const auto in = co_await call.arguments.take<wire::LinkIn>();
  const Name name = co_await call.arguments.take_name();
  const Ref<Node> parent = co_await call.node();
  const Ref<Node> existing = co_await call.node(tree::NodeId{in.oldnodeid});
  Entry entry = co_await parent->link(call.request, existing, name);
  co_await call.reply_entry(call.node_id(), name.text(), std::move(entry));
  co_return {};
}

Task<> forget(Call& call) {
  const auto in = co_await call.arguments.take<wire::ForgetIn>();
  call.tree.inodes.forget(call.node_id(), in.nlookup);
  co_return {};
}

Task<> batch_forget(Call& call) {
  const auto in = co_await call.arguments.take<wire::BatchForgetIn>();
  for (std::uint32_t i = 0; i < in.count; ++i) {
    const auto one = co_await call.arguments.take<wire::ForgetOne>();
    call.tree.inodes.forget(tree::NodeId{one.nodeid}, one.nlookup);
  }
  co_return {};
}

Task<> destroy(Call&) { co_return {}; }

}  // namespace fusebox::dispatch::serve
