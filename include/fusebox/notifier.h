// What a file system tells the kernel of its own accord: that something changed, or became ready.
//
// Each call returns at once; the kernel is told in order, by a thread that serves no requests.  So none of them can
// wait for the request that is being served, whatever locks its caller holds (libfuse's doc/README.notifications says
// what goes wrong otherwise).  What the kernel does not know (any more) needs no telling: that is no error.
//
// Any thread may call anything.  Nodes and names are as in node.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fusebox/node.h"

#pragma GCC visibility push(default)
namespace fusebox {

class Notifier {
 public:
  virtual ~Notifier() = default;

  // Whoever polls with this handle asks again (Handle::poll).
  virtual void wake(PollHandle handle) = 0;

  // Attributes of the node, and what the page cache holds of the range, are out of date.  `length` 0: to the end.
  virtual void invalidate(const Ref<Node>& node, std::uint64_t offset = 0, std::uint64_t length = 0) = 0;
  virtual void invalidate_attributes(const Ref<Node>& node) = 0;

  // The name may lead elsewhere now.  invalidate_entry() also detaches what is mounted below it; expire_entry() has the
  // name looked up again when it is next used, and takes no lock of its directory.
  virtual void invalidate_entry(const Ref<Node>& directory, std::string name) = 0;
  virtual void expire_entry(const Ref<Node>& directory, std::string name) = 0;

  // The name is gone, as by unlink(2) or rmdir(2): who watches the child by inotify(7) is told.  Only if it led to
  // `child`.
  virtual void removed(const Ref<Node>& directory, const Ref<Node>& child, std::string name) = 0;

  // Puts data into the page cache of a file; its size grows with it.  It stays there while size and mtime of the file
  // are what the kernel takes them for when it next asks.
  virtual void store(const Ref<Node>& node, std::uint64_t offset, std::string data) = 0;

  // What the page cache holds of a file from `offset` on, up to the first byte that it does not.  ENOENT: the kernel
  // does not know the node.  Goes on on the thread that reads the kernel's answer.
  virtual Task<std::string> retrieve(Ref<Node> node, std::uint64_t offset, std::uint32_t size) = 0;

  // The kernel hands out again all requests that it has no reply to, with bit 63 of Request::unique set.
  virtual void resend() = 0;

  // Every name that was looked up until now is looked up again when it is next used (Linux 6.16).  Careful: what is
  // mounted on such a name, or below it, is unmounted then (fs/fuse/dir.c: fuse_dentry_revalidate, d_invalidate).
  virtual void expire_all_entries() = 0;

  // The kernel forgets the nodes that nobody uses.
  virtual void prune(std::span<const Ref<Node>> nodes) = 0;

  // Ends when everything told before has reached the kernel; goes on on the telling thread.  Careful: a request that
  // awaits this may wait for itself, where its caller holds what an invalidation needs: its own node, its directory.
  virtual Task<> delivered() = 0;
};

}  // namespace fusebox
#pragma GCC visibility pop
