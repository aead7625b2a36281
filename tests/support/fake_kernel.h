// Plays the kernel: a test speaks to a session in the terms of VFS operations, and the bytes travel through the
// in-memory door.  No mount, no rights, nothing to clean up.
//
//   FakeKernel kernel(root);
//   kernel.init();
//   const auto entry = kernel.lookup(wire::kRootNode, "motd");
//   const auto file = kernel.open(entry->nodeid, O_RDONLY);
//   EXPECT_EQ(kernel.read(file->fh, 0, 4096), "hello");
//
// Requests are served on the caller's thread, one after the other, until start_servers() gives the session threads of
// its own.  A request whose handler waits: send() it, make happen what it waits for, then take its reply with wait().
//
// It counts lookups as the kernel does (fs/fuse/dir.c, readdir.c) and checks replies as the kernel checks them: a reply
// of the wrong size fails the test.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dispatch/session.h"
#include "door/memory_door.h"
#include "support/request_bytes.h"

namespace fusebox::testing {

inline constexpr std::uint64_t kRoot = wire::kRootNode;

// What Linux 6.18 offers in INIT: every flag bit up to 42 but 2, 26, 27, 31 and 33.
wire::InitIn linux_6_18();

struct Listed {
  std::string name;
  std::uint64_t ino = 0;
  std::uint64_t next = 0;
  std::uint32_t type = 0;
  wire::EntryOut entry{};  // readdirplus; node id 0: without attributes
};

class FakeKernel {
 public:
  explicit FakeKernel(Ref<Node> root, dispatch::SessionOptions options = {});
  ~FakeKernel();
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  Caller caller{.uid = 1000, .gid = 1000, .tid = 4711};  // of the requests that follow

  // Serves on `count` threads from now on, instead of on the caller's.
  void start_servers(unsigned count);

  Result<wire::InitOut> init(const wire::InitIn& offer = linux_6_18());

  // Names.
  Result<wire::EntryOut> lookup(std::uint64_t parent, std::string_view name);
  Result<wire::EntryOut> walk(std::string_view path);  // "a/b/c" from the root, a lookup for each component
  Result<wire::EntryOut> mkdir(std::uint64_t parent, std::string_view name, mode_t mode = 0755, mode_t umask = 022);
  Result<wire::EntryOut> mknod(std::uint64_t parent, std::string_view name, mode_t mode, std::uint32_t device = 0,
                               mode_t umask = 022);
  Result<wire::EntryOut> symlink(std::uint64_t parent, std::string_view name, std::string_view target);
  Result<wire::EntryOut> link(std::uint64_t existing, std::uint64_t parent, std::string_view name);
  Result<std::string> readlink(std::uint64_t node);
  Result<> unlink(std::uint64_t parent, std::string_view name);
  Result<> rmdir(std::uint64_t parent, std::string_view name);
  Result<> rename(std::uint64_t from, std::string_view name, std::uint64_t to, std::string_view new_name);
  Result<> rename2(std::uint64_t from, std::string_view name, std::uint64_t to, std::string_view new_name,
                   std::uint32_t flags);

  // Attributes.
  Result<wire::AttrOut> getattr(std::uint64_t node);
  Result<wire::AttrOut> fgetattr(std::uint64_t node, std::uint64_t fh);
  Result<wire::StatxOut> statx(std::uint64_t node, std::uint32_t mask = STATX_BASIC_STATS | STATX_BTIME);
  Result<wire::AttrOut> setattr(std::uint64_t node, const wire::SetattrIn& in);
  Result<> access(std::uint64_t node, std::uint32_t mask);
  Result<wire::Kstatfs> statfs(std::uint64_t node = kRoot);
  Result<> syncfs();
  Result<std::string> getxattr(std::uint64_t node, std::string_view name, std::uint32_t size = 65536);
  Result<std::uint32_t> getxattr_size(std::uint64_t node, std::string_view name);
  Result<> setxattr(std::uint64_t node, std::string_view name, std::string_view value, std::uint32_t flags = 0);
  Result<std::string> listxattr(std::uint64_t node, std::uint32_t size = 65536);
  Result<std::uint32_t> listxattr_size(std::uint64_t node);
  Result<> removexattr(std::uint64_t node, std::string_view name);

  // Open files and directories.  Handle number 0: nothing is open, and `node` answers itself.
  Result<wire::OpenOut> open(std::uint64_t node, int flags);
  Result<wire::CreateOut> create(std::uint64_t parent, std::string_view name, int flags, mode_t mode = 0644,
                                 mode_t umask = 022);
  Result<wire::CreateOut> tmpfile(std::uint64_t parent, int flags, mode_t mode = 0600, mode_t umask = 022);
  Result<std::string> read(std::uint64_t fh, std::uint64_t offset, std::uint32_t size, std::uint64_t node = kRoot);
  Result<std::uint32_t> write(std::uint64_t fh, std::uint64_t offset, std::string_view data,
                              std::uint64_t node = kRoot);
  Result<> flush(std::uint64_t fh, std::uint64_t node = kRoot);
  Result<> fsync(std::uint64_t fh, bool data_only = false, std::uint64_t node = kRoot);
  Result<> release(std::uint64_t fh);
  Result<> fallocate(std::uint64_t fh, std::uint32_t mode, std::uint64_t offset, std::uint64_t length);
  Result<std::uint64_t> lseek(std::uint64_t fh, std::uint64_t offset, int whence, std::uint64_t node = kRoot);
  Result<std::uint32_t> copy_file_range(const wire::CopyFileRangeIn& in);
  Result<std::uint64_t> copy_file_range_64(const wire::CopyFileRangeIn& in);
  Result<wire::OpenOut> opendir(std::uint64_t node);
  Result<std::vector<Listed>> readdir(std::uint64_t node, std::uint64_t fh, std::uint64_t offset = 0,
                                      std::uint32_t size = 4096);
  Result<std::vector<Listed>> readdirplus(std::uint64_t node, std::uint64_t fh, std::uint64_t offset = 0,
                                          std::uint32_t size = 4096);
  Result<> fsyncdir(std::uint64_t fh, std::uint64_t node = kRoot);
  Result<> releasedir(std::uint64_t fh);

  // Locks and devices.  Whoever holds what getlk() gives stands in the way; F_UNLCK: nobody.
  Result<wire::FileLock> getlk(std::uint64_t node, const wire::LockIn& in);
  Result<> setlk(std::uint64_t node, const wire::LockIn& in);
  Result<> setlkw(std::uint64_t node, const wire::LockIn& in);
  struct IoctlAnswer {
    int result = 0;
    std::string data;
  };
  Result<IoctlAnswer> ioctl(std::uint64_t fh, unsigned command, std::uint64_t argument, std::string_view in,
                            std::uint32_t out_size, std::uint64_t node = kRoot);
  Result<unsigned> poll(std::uint64_t fh, unsigned events, std::optional<PollHandle> tell = std::nullopt,
                        std::uint64_t node = kRoot);

  // What takes no reply.
  void forget(std::uint64_t node, std::uint64_t count);
  void forget_everything();  // one BATCH_FORGET for all lookups counted
  void interrupt(std::uint64_t unique);
  void notify_reply(std::uint64_t unique, std::uint64_t offset, std::string_view data);

  // What the session told the kernel since this was last asked, each whole, in order.
  std::vector<Bytes> notifications();

  // Any request: its number, and its payload once it is answered.
  std::uint64_t send(const RequestBytes& request);
  Result<Bytes> wait(std::uint64_t unique);
  Result<Bytes> call(const RequestBytes& request);
  bool answered(std::uint64_t unique);  // true: and the reply is dropped

  // Bytes as they are; false: the session gave up the connection.
  bool send_raw(Bytes bytes);
  std::optional<Bytes> raw_reply(std::uint64_t unique);  // whole, header included

  // The caller of the next request gets a signal before the reply: it cannot be delivered.  The request gives EINTR.
  void give_up_on_next() { give_up_ = true; }

  // Lookups that the session was not given back, of one node or of all.
  std::uint64_t lookups(std::uint64_t node) const;
  std::uint64_t lookups() const;

  dispatch::Session& session() { return *session_; }
  door::MemoryChannel& door() { return channel_; }
  void end_session();  // unmounts: closes the door and destroys the session

 private:
  template <class T>
  Result<T> call_for(const RequestBytes& request);
  Result<> call_for_nothing(const RequestBytes& request);
  Result<std::string> call_for_text(const RequestBytes& request);
  Result<wire::EntryOut> call_for_entry(const RequestBytes& request);
  Result<wire::CreateOut> call_for_created(const RequestBytes& request);
  void count(std::uint64_t node);

  door::MemoryChannel channel_;
  std::unique_ptr<dispatch::Session> session_;
  std::vector<std::jthread> servers_;
  std::atomic<std::uint64_t> last_unique_{0};
  std::atomic<bool> give_up_{false};

  mutable std::mutex mutex_;  // guards lookups_
  std::map<std::uint64_t, std::uint64_t> lookups_;
};

}  // namespace fusebox::testing
