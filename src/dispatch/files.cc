// Open files: how they come to be, their data, and their end.
#include <fcntl.h>

#include <algorithm>
#include <limits>

#include "dispatch/opcode_table.h"
#include "wire/encode.h"

namespace fusebox::dispatch::serve {
namespace {

// From this size on the pipes cost less than the copy that they save (docs/performance.md).
constexpr std::size_t kWorthSplicing = 65536;

}  // namespace

Task<> open(Call& call) {
  const auto in = co_await call.arguments.take<wire::OpenIn>();
  call.request.kill_suid_sgid = (in.open_flags & wire::kOpenKillSuidSgid) != 0;
  const Ref<Node> node = co_await call.node();
  call.reply_opened(co_await node->open(call.request, static_cast<int>(in.flags)));
  co_return {};
}

Task<> create(Call& call) {
  const auto in = co_await call.arguments.take<wire::CreateIn>();
  call.request.kill_suid_sgid = (in.open_flags & wire::kOpenKillSuidSgid) != 0;
  const Name name = co_await call.arguments.take_name();
  const Ref<Node> parent = co_await call.node();
  const NewMode mode{.mode = (in.mode & 07777) | S_IFREG, .umask = in.umask};
  Created created = co_await parent->create(call.request, name, mode, static_cast<int>(in.flags));
  co_await call.reply_entry(call.node_id(), name.text(), std::move(created.entry));
  call.reply_opened(std::move(created.opened));
  co_return {};
}

Task<> tmpfile(Call& call) {
  const auto in = co_await call.arguments.take<wire::CreateIn>();
  const Ref<Node> parent = co_await call.node();
  const NewMode mode{.mode = (in.mode & 07777) | S_IFREG, .umask = in.umask};
  Created created = co_await parent->tmpfile(call.request, mode, static_cast<int>(in.flags));
  co_await call.reply_entry(call.node_id(), {}, std::move(created.entry));
  call.reply_opened(std::move(created.opened));
  co_return {};
}

Task<> read(Call& call) {
  const auto in = co_await call.arguments.take<wire::ReadIn>();
  const Ref<Handle> handle = co_await call.handle(in.fh);
  const std::span<std::byte> room = call.reply.room(in.size);
  if (room.size() >= kWorthSplicing) {
    if (const std::optional<int> fd = handle->source_of_reads()) {
      const Result<> sent = call.channel->send_from_file(call.header.unique, *fd, in.offset, room.size());
      call.is_answered = sent || sent.error() != Errno::not_supported;
      if (call.is_answered) co_return {};
    }
  }
  const std::size_t count = co_await handle->read(call.request, in.offset, room);
  if (count > room.size()) co_return Errno::io;
  call.reply.commit(count);
  co_return {};
}

Task<> write(Call& call) {
  const auto in = co_await call.arguments.take<wire::WriteIn>();
  call.request.kill_suid_sgid = (in.write_flags & wire::kWriteKillSuidSgid) != 0;
  const auto data = co_await call.arguments.take_bytes(in.size);
  const Ref<Handle> handle = co_await call.handle(in.fh);
  const std::size_t count = co_await handle->write(call.request, in.offset, data);
  call.reply.put(wire::WriteOut{.size = static_cast<std::uint32_t>(count), .padding = 0});
  co_return {};
}

namespace {

// The kernel takes ENOSYS to mean that no file has the operation, and asks for no other either; that must not follow
// from one file that lacks it.
Result<> or_nothing(Result<> result) {
  if (!result && result.error() == Errno::not_implemented) return {};
  return result;
}

}  // namespace

Task<> flush(Call& call) {
  const auto in = co_await call.arguments.take<wire::FlushIn>();
  const Ref<Handle> handle = co_await call.handle(in.fh);
  const Result<> result = co_await attempt(handle->flush(call.request, LockOwner{in.lock_owner}));
  // Where nothing is opened, nobody wants to be flushed either (Opened::wants_flush).
  co_return in.fh == 0 ? result : or_nothing(result);
}

Task<> fsync(Call& call) {
  const auto in = co_await call.arguments.take<wire::FsyncIn>();
  const Ref<Handle> handle = co_await call.handle(in.fh);
  const bool data_only = (in.fsync_flags & wire::kFsyncDataOnly) != 0;
  co_return or_nothing(co_await attempt(handle->fsync(call.request, data_only)));
}

Task<> release(Call& call) {
  const auto in = co_await call.arguments.take<wire::ReleaseIn>();
  call.tree.handles.remove(tree::HandleId{in.fh});
  co_return {};
}

Task<> fallocate(Call& call) {
  const auto in = co_await call.arguments.take<wire::FallocateIn>();
  const Ref<Handle> handle = co_await call.handle(in.fh);
  co_await handle->fallocate(call.request, static_cast<int>(in.mode), in.offset, in.length);
  co_return {};
}

namespace {

// A file without holes (lseek(2)): data up to the end, where the one hole begins.
Result<std::uint64_t> without_holes(std::uint64_t size, std::uint64_t offset, int whence) {
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return fail(Errno::invalid);
  if (offset >= size) return fail(static_cast<Errno>(ENXIO));
  return whence == SEEK_DATA ? offset : size;
}

}  // namespace

Task<> lseek(Call& call) {
  const auto in = co_await call.arguments.take<wire::LseekIn>();
  const Ref<Handle> handle = co_await call.handle(in.fh);
  const auto whence = static_cast<int>(in.whence);
  Result<std::uint64_t> offset = co_await attempt(handle->lseek(call.request, in.offset, whence));
  if (!offset && offset.error() == Errno::not_implemented) {
    const Ref<Node> node = co_await call.node();
    const Attr attr = co_await node->getattr(call.request, call.handle_if(in.fh != 0, in.fh));
    offset = without_holes(attr.size, in.offset, whence);
  }
  call.reply.put(wire::LseekOut{.offset = co_await offset});
  co_return {};
}

namespace {

Task<std::size_t> copy(Call& call, std::size_t most) {
  const auto in = co_await call.arguments.take<wire::CopyFileRangeIn>();
  const Ref<Handle> source = co_await call.handle(in.fh_in);
  Ref<Handle> target;
  if (in.fh_out != 0) {
    target = co_await call.handle(in.fh_out);
  } else {
    target = co_await call.node(tree::NodeId{in.nodeid_out});
  }
  const std::size_t length = std::min<std::size_t>(in.len, most);
  const Result<std::size_t> copied =
      co_await attempt(source->copy_file_range(call.request, in.off_in, std::move(target), in.off_out, length));
  // The kernel then copies by reading and writing, this once (fs/fuse/file.c: fuse_copy_file_range).
  if (!copied && copied.error() == Errno::not_implemented) co_return Errno::not_supported;
  co_return copied;
}

}  // namespace

Task<> copy_file_range(Call& call) {
  // The old reply counts in 32 bits.
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max() & ~std::size_t{4095};
  const std::size_t count = co_await copy(call, kMost);
  call.reply.put(wire::WriteOut{.size = static_cast<std::uint32_t>(count), .padding = 0});
  co_return {};
}

Task<> copy_file_range_64(Call& call) {
  const std::size_t count = co_await copy(call, std::numeric_limits<std::size_t>::max());
  call.reply.put(wire::CopyFileRangeOut{.bytes_copied = count});
  co_return {};
}

}  // namespace fusebox::dispatch::serve
