// What the author of a file system writes: nodes (inodes) and handles (open files).
//
// A node overrides the operations that it supports and nothing else; what it leaves out answers as an absent operation
// does in the kernel.  Operations take values and return values: no reply objects, no inode numbers, no lookup counts.
//
// Ownership: nodes and handles are shared (Ref); the tree holds a node while the kernel knows it, and a handle while it
// is open.  Whatever a Request, a Name or a span refers to lives until the operation's Task ends.
// Threads: operations of one node may run on several threads at once.  An operation may await; it may also block its
// thread, but then it holds up whatever else that thread would serve.
// Errors: any Errno goes to the caller as it is.
#pragma once

#include <sys/statvfs.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fusebox/attr.h"
#include "fusebox/lock.h"
#include "fusebox/name.h"
#include "fusebox/request.h"
#include "fusebox/task.h"

#pragma GCC visibility push(default)
namespace fusebox {

template <class T>
using Ref = std::shared_ptr<T>;

class Node;
class Handle;

// What makes two nodes the same inode: two lookups whose nodes have equal identities give one inode, however many
// names it has.
struct Identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t generation = 0;  // tells a reused inode number from the old one
  bool operator==(const Identity&) const = default;
};

// The answer to a lookup.  A null node with a positive `valid_for` is a negative entry that the kernel may remember.
struct Entry {
  Ref<Node> node{};
  Attr attr{};
  Validity valid_for{};
};

// How data of an open file moves.
enum class DataPath : std::uint8_t {
  cached,       // through the page cache; what it holds from earlier opens is dropped
  keep_cached,  // through the page cache; what it holds from earlier opens is still right
  direct,       // each read(2) and write(2) reaches the handle
  passthrough,  // the kernel reads and writes the backing file itself (needs `backing_id`)
};

// In the flags of Node::open: execve(2) asks, which needs execute permission (include/linux/fs.h, __FMODE_EXEC).
inline constexpr int kOpenToExecute = 040;

struct Opened {
  Ref<Handle> handle{};  // null: the node itself answers
  DataPath path = DataPath::cached;
  std::int32_t backing_id = 0;   // with DataPath::passthrough: from a registration with the door
  bool cache_directory = false;  // opendir: the kernel may keep the listing while the directory's mtime stays
  bool wants_flush = false;      // Handle::flush does something; else close(2) costs no round trip
};

struct Created {
  Entry entry{};
  Opened opened{};
};

// The mode of something new.  The kernel leaves the umask to us, for a directory with default ACLs ignores it.
struct NewMode {
  mode_t mode = 0;  // type and permission bits, before the umask
  mode_t umask = 0;

  mode_t masked() const { return mode & ~umask; }
};

// Takes a directory's entries in turn.
class DirSink {
 public:
  virtual ~DirSink() = default;

  // True where the kernel asked for attributes too (readdirplus): then add with an Entry saves it the lookup.
  virtual bool wants_entries() const = 0;

  // False: no room for this one; stop.  `next` is the offset that continues behind this entry; it stays good while the
  // directory changes.  `type` is a DT_ value; `ino` 0: not known.  Names "." and ".." are taken without an Entry.
  virtual bool add(std::string_view name, std::uint64_t ino, std::uint8_t type, std::uint64_t next) = 0;
  virtual bool add(std::string_view name, Entry entry, std::uint64_t next) = 0;
};

// Whom to tell that a file became ready (Notifier::wake).
enum class PollHandle : std::uint64_t {};

struct IoctlReply {
  int result = 0;        // what ioctl(2) returns
  std::size_t size = 0;  // bytes of the output that are filled
};

// One open file or directory.  Destroyed when the last descriptor of it is closed.
class Handle {
 public:
  virtual ~Handle() = default;

  // Bytes read: fewer than asked only at the end of the file.
  virtual Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into);
  virtual Task<std::size_t> write(const Request&, std::uint64_t offset, std::span<const std::byte> data);

  // A descriptor from which pread(2) gives what read() gives, at the same offsets; it stays open while the handle
  // lives.  Large reads then go by splice(2) where the door can, and read() is not called.  None: it always is.
  virtual std::optional<int> source_of_reads();

  // At each close(2) of a file that was Opened::wants_flush; the fcntl locks of `owner` end with it.
  virtual Task<> flush(const Request&, LockOwner owner);
  virtual Task<> fsync(const Request&, bool data_only);
  virtual Task<> fallocate(const Request&, int mode, std::uint64_t offset, std::uint64_t length);
  virtual Task<std::uint64_t> lseek(const Request&, std::uint64_t offset, int whence);  // SEEK_DATA and SEEK_HOLE
  virtual Task<std::size_t> copy_file_range(const Request&, std::uint64_t offset, Ref<Handle> target,
                                            std::uint64_t target_offset, std::size_t length);
  virtual Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink);

  // fcntl(2) and flock(2).  getlk gives a lock that stands in the way of `wanted`, if there is one.
  virtual Task<std::optional<FileLock>> getlk(const Request&, LockOwner owner, FileLock wanted);
  virtual Task<> setlk(const Request&, LockOwner owner, FileLock lock, LockWait wait);
  virtual Task<> flock(const Request&, LockOwner owner, LockType type, LockWait wait);

  // `command` says how long both sides are (_IOC_SIZE); `argument` is its third argument, which may be an address.
  virtual Task<IoctlReply> ioctl(const Request&, unsigned command, std::uint64_t argument,
                                 std::span<const std::byte> in, std::span<std::byte> out);

  // Which of `events` (POLLIN ...) are there now.  With `tell`, wake it once that changes; it replaces earlier ones.
  virtual Task<unsigned> poll(const Request&, unsigned events, std::optional<PollHandle> tell);
};

// One inode.  Where open() or opendir() gives no handle, or where nothing is opened at all (MountOptions::opens_files),
// the operations of a handle reach the node itself.
class Node : public Handle {
 public:
  // Null: the node is itself, and only itself.
  virtual std::optional<Identity> identity() const { return std::nullopt; }

  // The tree tells where the node was found last: after a lookup, a creation, a link, a rename.
  virtual void located(const Ref<Node>& parent, std::string_view name);

  virtual Task<Attr> getattr(const Request&, Ref<Handle> open);  // `open` may be null
  virtual Task<Attr> setattr(const Request&, SetAttr change, Ref<Handle> open);
  virtual Task<Entry> lookup(const Request&, Name name);
  virtual Task<std::string> readlink(const Request&);
  virtual Task<> access(const Request&, int mask);  // access(2), where the mount does not check permissions itself

  virtual Task<Opened> open(const Request&, int flags);
  virtual Task<Opened> opendir(const Request&);
  // Where it is not overridden: mknod(), then open() of what that made.
  virtual Task<Created> create(const Request&, Name name, NewMode mode, int flags);
  virtual Task<Created> tmpfile(const Request&, NewMode mode, int flags);

  virtual Task<Entry> mknod(const Request&, Name name, NewMode mode, dev_t device);
  virtual Task<Entry> mkdir(const Request&, Name name, NewMode mode);
  virtual Task<Entry> symlink(const Request&, Name name, std::string target);
  virtual Task<Entry> link(const Request&, Ref<Node> existing, Name name);
  virtual Task<> unlink(const Request&, Name name);
  virtual Task<> rmdir(const Request&, Name name);
  virtual Task<> rename(const Request&, Name from, Ref<Node> to_directory, Name to, unsigned flags);

  virtual Task<std::size_t> getxattr(const Request&, const std::string& name, std::span<std::byte> into);
  virtual Task<> setxattr(const Request&, const std::string& name, std::span<const std::byte> value, int flags);
  virtual Task<std::size_t> listxattr(const Request&, std::span<std::byte> into);  // NUL-separated names
  virtual Task<> removexattr(const Request&, const std::string& name);

  virtual Task<struct statvfs> statfs(const Request&);
  virtual Task<> syncfs(const Request&);  // of the root; only asked for by virtiofs and fuseblk mounts
};

template <class T, class... Args>
[[nodiscard]] Ref<T> make(Args&&... args) {
  return std::make_shared<T>(std::forward<Args>(args)...);
}

}  // namespace fusebox
#pragma GCC visibility pop
