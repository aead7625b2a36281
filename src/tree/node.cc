// What an operation answers that a node or a handle does not override.
//
// ENOSYS where the kernel remembers it and stops asking, or has a way of its own; the errno of a file system without
// the operation elsewhere (Linux fs/fuse/{dir,file,xattr}.c).
#include "fusebox/node.h"

#include <fcntl.h>

namespace fusebox {

Task<std::size_t> Handle::read(const Request&, std::uint64_t, std::span<std::byte>) { co_return Errno::invalid; }
Task<std::size_t> Handle::write(const Request&, std::uint64_t, std::span<const std::byte>) {
  co_return Errno::bad_handle;
}
std::optional<int> Handle::source_of_reads() { return std::nullopt; }
Task<> Handle::flush(const Request&, LockOwner) { co_return Errno::not_implemented; }
Task<> Handle::fsync(const Request&, bool) { co_return Errno::not_implemented; }
Task<> Handle::fallocate(const Request&, int, std::uint64_t, std::uint64_t) { co_return Errno::not_supported; }
Task<std::uint64_t> Handle::lseek(const Request&, std::uint64_t, int) { co_return Errno::not_implemented; }
Task<std::size_t> Handle::copy_file_range(const Request&, std::uint64_t, Ref<Handle>, std::uint64_t, std::size_t) {
  co_return Errno::not_implemented;
}
Task<> Handle::readdir(const Request&, std::uint64_t, DirSink&) { co_return Errno::not_directory; }
Task<std::optional<FileLock>> Handle::getlk(const Request&, LockOwner, FileLock) { co_return Errno::not_implemented; }
Task<> Handle::setlk(const Request&, LockOwner, FileLock, LockWait) { co_return Errno::not_implemented; }
Task<> Handle::flock(const Request&, LockOwner, LockType, LockWait) { co_return Errno::not_implemented; }
Task<IoctlReply> Handle::ioctl(const Request&, unsigned, std::uint64_t, std::span<const std::byte>,
                               std::span<std::byte>) {
  co_return static_cast<Errno>(ENOTTY);
}
Task<unsigned> Handle::poll(const Request&, unsigned, std::optional<PollHandle>) { co_return Errno::not_implemented; }

void Node::located(const Ref<Node>&, std::string_view) {}

Task<Attr> Node::getattr(const Request&, Ref<Handle>) { co_return Errno::not_implemented; }
Task<Attr> Node::setattr(const Request&, SetAttr, Ref<Handle>) { co_return Errno::not_permitted; }
Task<Entry> Node::lookup(const Request&, Name) { co_return Errno::not_directory; }
Task<std::string> Node::readlink(const Request&) { co_return Errno::invalid; }
Task<> Node::access(const Request&, int) { co_return Errno::not_implemented; }

Task<Opened> Node::open(const Request&, int) { co_return Opened(); }
Task<Opened> Node::opendir(const Request&) { co_return Opened(); }
Task<Created> Node::create(const Request& request, Name name, NewMode mode, int flags) {
  const Entry entry = co_await mknod(request, name, mode, dev_t{0});
  if (!entry.node) co_return Errno::io;
  const Opened opened = co_await entry.node->open(request, flags & ~(O_CREAT | O_EXCL));
  co_return Created{.entry = entry, .opened = opened};
}
Task<Created> Node::tmpfile(const Request&, NewMode, int) { co_return Errno::not_supported; }

Task<Entry> Node::mknod(const Request&, Name, NewMode, dev_t) { co_return Errno::read_only; }
Task<Entry> Node::mkdir(const Request&, Name, NewMode) { co_return Errno::read_only; }
Task<Entry> Node::symlink(const Request&, Name, std::string) { co_return Errno::read_only; }
Task<Entry> Node::link(const Request&, Ref<Node>, Name) { co_return Errno::read_only; }
Task<> Node::unlink(const Request&, Name) { co_return Errno::read_only; }
Task<> Node::rmdir(const Request&, Name) { co_return Errno::read_only; }
Task<> Node::rename(const Request&, Name, Ref<Node>, Name, unsigned) { co_return Errno::read_only; }

Task<std::size_t> Node::getxattr(const Request&, const std::string&, std::span<std::byte>) {
  co_return Errno::not_supported;
}
Task<> Node::setxattr(const Request&, const std::string&, std::span<const std::byte>, int) {
  co_return Errno::not_supported;
}
Task<std::size_t> Node::listxattr(const Request&, std::span<std::byte>) { co_return Errno::not_supported; }
Task<> Node::removexattr(const Request&, const std::string&) { co_return Errno::not_supported; }

Task<struct statvfs> Node::statfs(const Request&) {
  struct statvfs none{};
  none.f_bsize = none.f_frsize = 4096;
  none.f_namemax = 255;
  co_return none;
}

Task<> Node::syncfs(const Request&) { co_return Errno::not_implemented; }

}  // namespace fusebox
