// Listings, plain and with attributes.
#include <dirent.h>

#include "dispatch/opcode_table.h"
#include "wire/encode.h"

namespace fusebox::dispatch::serve {
namespace {

// Of an entry without a number: many programs take 0 for one that was removed.
constexpr std::uint64_t kUnknown = 0xffffffff;

bool is_dot(std::string_view name) { return name == "." || name == ".."; }

// Writes records straight into the reply.  Each entry with a node counts one lookup, as in LOOKUP
// (fs/fuse/readdir.c: fuse_direntplus_link).
class ReplySink final : public DirSink {
 public:
  ReplySink(Call& call, std::span<std::byte> into, bool plus) : call_(call), writer_(into), plus_(plus) {}

  bool wants_entries() const override { return plus_; }

  bool add(std::string_view name, std::uint64_t ino, std::uint8_t type, std::uint64_t next) override {
    if (ino == 0) ino = kUnknown;
    if (!plus_) return writer_.add(name, ino, type, next);
    return writer_.add_plus(name, wire::EntryOut{}, ino, type, next);  // node id 0: no attributes here
  }

  bool add(std::string_view name, Entry entry, std::uint64_t next) override {
    const auto type = static_cast<std::uint8_t>(IFTODT(entry.attr.mode));
    if (!plus_ || is_dot(name) || !entry.node) return add(name, entry.attr.ino, type, next);
    if (!writer_.fits_plus(name)) return false;
    const auto [id, node] = call_.tree.inodes.enter(call_.node_id(), name, std::move(entry.node));
    call_.entered.push_back(id);
    const Attr attr = numbered(entry.attr, id);
    const auto out = wire::encode_entry(static_cast<std::uint64_t>(id), attr, entry.valid_for);
    return writer_.add_plus(name, out, attr.ino, type, next);
  }

  std::size_t size() const { return writer_.size(); }

 private:
  Call& call_;
  wire::DirentWriter writer_;
  bool plus_;
};

Task<> list(Call& call, bool plus) {
  const auto in = co_await call.arguments.take<wire::ReadIn>();
  const Ref<Handle> handle = co_await call.handle(in.fh);
  ReplySink sink(call, call.reply.room(in.size), plus);
  co_await handle->readdir(call.request, in.offset, sink);
  call.reply.commit(sink.size());
  co_return {};
}

}  // namespace

Task<> opendir(Call& call) {
  co_await call.arguments.take<wire::OpenIn>();
  const Ref<Node> node = co_await call.node();
  call.reply_opened(co_await node->opendir(call.request));
  co_return {};
}

Task<> readdir(Call& call) {
  co_await list(call, false);
  co_return {};
}

Task<> readdirplus(Call& call) {
  co_await list(call, true);
  co_return {};
}

}  // namespace fusebox::dispatch::serve
