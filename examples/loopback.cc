// Shows a directory tree at another place: `loopback /srv/data mnt`.  A node holds an O_PATH descriptor of the file
// that it reflects, and never a path: renames by others do not matter.  No answer is said to stay valid, so the kernel
// asks each time, and whatever happens at the other place is seen.
#include <fcntl.h>

#include <cstdio>

#include "fusebox/fusebox.h"

using namespace fusebox;

namespace {

class OpenFile final : public Handle {
 public:
  explicit OpenFile(Fd fd) : fd_(std::move(fd)) {}
  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override {
    co_return sys::pread(fd_, offset, into);
  }
  Task<std::size_t> write(const Request& request, std::uint64_t offset, std::span<const std::byte> data) override {
    if (request.kill_suid_sgid) co_await sys::change(fd_, {.kill_suid_sgid = true});
    co_return sys::pwrite(fd_, offset, data);
  }
  Task<> readdir(const Request&, std::uint64_t at, DirSink& sink) override { co_return sys::list(fd_, at, sink); }

 private:
  const Fd fd_;
};

class Reflection final : public Node {
 public:
  explicit Reflection(Fd fd) : fd_(std::move(fd)), identity_(sys::identity(fd_).value_or(Identity())) {}

  std::optional<Identity> identity() const override { return identity_; }  // two names of one file are one node
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return sys::stat(fd_); }
  Task<Attr> setattr(const Request&, SetAttr change, Ref<Handle>) override {
    co_await sys::change(fd_, change);
    co_return sys::stat(fd_);
  }
  Task<struct statvfs> statfs(const Request&) override { co_return sys::statvfs(fd_); }
  Task<std::string> readlink(const Request&) override { co_return sys::readlink(fd_); }
  Task<Opened> opendir(const Request& request) override { return open(request, O_RDONLY); }
  Task<Opened> open(const Request& request, int flags) override {
    if (request.kill_suid_sgid) co_await sys::change(fd_, {.kill_suid_sgid = true});
    Fd fd = co_await sys::reopen(fd_, flags & (O_ACCMODE | O_TRUNC));
    co_return Opened{.handle = make<OpenFile>(std::move(fd))};
  }
  Task<Entry> lookup(const Request&, Name name) override {
    Fd fd = co_await sys::openat(fd_, name, O_PATH | O_NOFOLLOW);
    const Attr attr = co_await sys::stat(fd);
    co_return Entry{.node = make<Reflection>(std::move(fd)), .attr = attr};
  }
  Task<Entry> mknod(const Request& request, Name name, NewMode mode, dev_t device) override {
    co_return co_await given(request, name, sys::mknodat(fd_, name, mode.masked(), device));
  }
  Task<Entry> mkdir(const Request& request, Name name, NewMode mode) override {
    co_return co_await given(request, name, sys::mkdirat(fd_, name, mode.masked()));
  }
  Task<Entry> symlink(const Request& request, Name name, std::string target) override {
    co_return co_await given(request, name, sys::symlinkat(target, fd_, name));
  }
  Task<Entry> link(const Request& request, Ref<Node> existing, Name name) override {
    co_await sys::linkat(static_cast<Reflection&>(*existing).fd_, fd_, name);
    co_return co_await lookup(request, name);
  }
  Task<> unlink(const Request&, Name name) override { co_return sys::unlinkat(fd_, name); }
  Task<> rmdir(const Request&, Name name) override { co_return sys::unlinkat(fd_, name, AT_REMOVEDIR); }
  Task<> rename(const Request&, Name from, Ref<Node> directory, Name to, unsigned flags) override {
    co_return sys::renameat(fd_, from, static_cast<Reflection&>(*directory).fd_, to, flags);
  }

 private:
  Task<Entry> given(const Request& request, Name name, Result<> made) {  // to who asked for it: root made it
    co_await made;
    const Fd fd = co_await sys::openat(fd_, name, O_PATH | O_NOFOLLOW);
    co_await sys::give_to(request.caller, fd, fd_);
    co_return co_await lookup(request, name);
  }

  const Fd fd_;
  const Identity identity_;
};

}  // namespace

int main(int argc, char** argv) {
  Result<Fd> source = sys::open(argc > 2 ? argv[1] : "", O_PATH | O_DIRECTORY);
  if (!source) return std::fprintf(stderr, "usage: loopback DIRECTORY [--transport NAME] MOUNTPOINT\n"), 2;
  return serve(make<Reflection>(*std::move(source)), argc - 1, argv + 1, {.extended_attributes = false});
}
