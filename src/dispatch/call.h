// One request on its way through the dispatcher: what came in, who asked, and the reply as it grows.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "door/channel.h"
#include "fusebox/node.h"
#include "tree/handle_table.h"
#include "tree/inode_table.h"
#include "wire/decode.h"

namespace fusebox::dispatch {

// The bytes of a reply behind its header.
class ReplyBuffer {
 public:
  explicit ReplyBuffer(std::span<std::byte> space) : space_(space) {}

  template <class T>
    requires std::is_trivially_copyable_v<T>
  void put(const T& value) {
    put_bytes(std::as_bytes(std::span(&value, 1)));
  }
  void put_bytes(std::span<const std::byte> bytes) {
    std::memcpy(space_.data() + used_, bytes.data(), bytes.size());
    used_ += bytes.size();
  }

  // Room that the operation itself fills: at most `size` bytes; then commit() what is used.
  std::span<std::byte> room(std::size_t size) const {
    const auto rest = space_.subspan(used_);
    return rest.first(size < rest.size() ? size : rest.size());
  }
  void commit(std::size_t size) { used_ += size; }

  std::size_t used() const { return used_; }

 private:
  std::span<std::byte> space_;
  std::size_t used_ = 0;
};

// The nodes and handles of one mount.
struct Tree {
  explicit Tree(Ref<Node> root) : inodes(std::move(root)) {}
  tree::InodeTable inodes;
  tree::HandleTable handles;
};

// Where a node says no number, the kernel's own is one.
inline Attr numbered(Attr attr, tree::NodeId id) {
  if (attr.ino == 0) attr.ino = static_cast<std::uint64_t>(id);
  return attr;
}

struct Call {
  Call(Tree& t, const wire::Message& message, std::span<std::byte> reply_space)
      : tree(t), header(message.header), arguments(message.arguments), reply(reply_space) {
    if (message.extensions.empty()) return;
    extensions = wire::decode_extensions(message.extensions);
    request.security_contexts = extensions.security_contexts;
    request.supplementary_groups = extensions.supplementary_groups;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Tree& tree;
  wire::InHeader header;
  wire::ArgumentReader arguments;
  Request request;
  wire::Extensions extensions;  // that the request refers to
  ReplyBuffer reply;

  // Where the reply goes.  An operation that has sent it by itself says so.
  door::Channel* channel = nullptr;
  bool is_answered = false;

  // What the reply gives to the kernel, to be taken back when it cannot be delivered.
  std::vector<tree::NodeId> entered;
  tree::HandleId opened{};

  tree::NodeId node_id() const { return tree::NodeId{header.nodeid}; }

  // The node that the request is about.  ESTALE: the kernel forgot it, or never knew it.
  Result<Ref<Node>> node() const { return node(node_id()); }
  Result<Ref<Node>> node(tree::NodeId id) const;
  // The handle of that number, or with none the node; EBADF.
  Result<Ref<Handle>> handle(std::uint64_t fh) const;
  // The one that an operation on the inode names besides, or null.
  Ref<Handle> handle_if(bool named, std::uint64_t fh) const;

  // Enters what was found or made as `name` in `parent`, and appends the entry to the reply.  EIO where there is no
  // node: a handler that made something says what.
  Result<> reply_entry(tree::NodeId parent, std::string_view name, Entry entry);
  void reply_opened(Opened file);

  // Takes back what the reply gave away; once, however often it is called.
  void undo();
};

}  // namespace fusebox::dispatch
