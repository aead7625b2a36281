// Makes a tree of nodes a file system that the kernel shows: a mount, and the threads that serve it.
//
//   int main(int argc, char** argv) { return fusebox::serve(make<Lobby>(), argc, argv); }
//
// or, step by step, Mount::create(), serve(), attach(), wait().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/backing.h"
#include "fusebox/executor.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "fusebox/node.h"
#include "fusebox/notifier.h"

#pragma GCC visibility push(default)
namespace fusebox {

// How requests come from the kernel.
enum class Transport : std::uint8_t {
  automatic,      // io_uring where the kernel offers it and it is the faster one, else /dev/fuse
  io_uring,       // a fault where the kernel does not offer it
  dev_fuse,       // as many readers as the callers need
  single_reader,  // of /dev/fuse
};

// "auto", "io-uring", "dev-fuse" or "single"; in this order.
std::span<const std::string_view> transport_names();

// Nothing for any other name.
std::optional<Transport> transport_named(std::string_view name);

enum class Permissions : std::uint8_t {
  kernel_checks,       // by mode bits and ACLs, before any request comes (mount option default_permissions)
  file_system_checks,  // each operation itself, and Node::access
};

enum class Users : std::uint8_t {
  all,    // as the permissions say
  owner,  // who made the mount; everybody else gets EACCES, whatever the permissions say
};

enum class Locks : std::uint8_t {
  kernel_keeps,  // among the users of this mount
  forwarded,     // to the handles: setlk, getlk, flock
};

enum class IdleProcessors : std::uint8_t {
  keep_awake,  // while requests come fast; only root's server can (docs/decisions/0003-awake-processors.md)
  let_sleep,
};

struct MountOptions {
  std::string source = "fusebox";   // what mountinfo shows as the source
  std::string subtype = "fusebox";  // and as the type, behind "fuse."
  Transport transport = Transport::automatic;
  IdleProcessors idle_processors = IdleProcessors::keep_awake;
  Permissions permissions = Permissions::kernel_checks;
  Users users = Users::all;
  bool read_only = false;
  Locks locks = Locks::kernel_keeps;

  // What no node of the file system has; the kernel asks for it once, and never again.
  bool opens_files = true;          // false: reads and writes reach the node itself, without open()
  bool opens_directories = true;    // false: so do listings
  bool extended_attributes = true;  // and ACLs with them

  bool idmapped = false;          // the mount may be given an id mapping (mount_setattr(2)); kernel_checks only
  bool creation_context = false;  // Request::security_contexts and supplementary_groups are filled
  std::chrono::seconds request_timeout{0};  // the kernel aborts the connection over an older request; 0: never
};

// What a connection has done and holds.
struct MountState {
  struct Count {
    std::string_view name;  // as in the kernel's header: "LOOKUP"
    std::uint64_t requests;
  };
  std::vector<Count> requests;  // most frequent first
  std::size_t nodes = 0;        // that the kernel knows, the root included
  std::size_t handles = 0;      // that are open
};

// One connection to the kernel.  Any thread may call anything, but create() and serve() come first, in this order.
// Careful: the process must not use its own mount on a thread that serves.
class Mount {
 public:
  // Connects; nothing is shown yet.  Needs CAP_SYS_ADMIN.
  static Outcome<std::unique_ptr<Mount>> create(MountOptions options = {});

  // Waits for the connection to end: what is mounted elsewhere must be gone by then.
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  // Registers backing files.  From create() on.
  Backing& backing();

  // Starts the threads, which leave all signals to others.
  Outcome<> serve(Ref<Node> root);

  Notifier& notifier();
  Executor& executor();
  MountState state() const;

  // Shows the tree on the directory `path`, in the caller's mount namespace; or gives the detached mount to be attached
  // elsewhere (move_mount(2)).  One of them, once.
  Outcome<> attach(const std::string& path);
  Fd take();

  // Until it is unmounted, or its connection aborted.
  void wait();

  // Waits, and lets go of the tree: for whoever owns what its nodes refer to.
  void end();

 private:
  struct [[gnu::visibility("hidden")]] Impl;
  explicit Mount(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

// What a file system does besides answering: runs on a thread of its own while it is mounted.
using Background = std::function<void(Mount&, std::stop_token)>;

// Serves until `path` is unmounted; SIGINT, SIGTERM and SIGHUP unmount it, and at SIGUSR1 `report` is called, which may
// say how it goes (Mount::state).  To be called before there are other threads that could get the signals.
Outcome<> serve_until_unmounted(Mount& mount, Ref<Node> root, const std::string& path, Background background = {},
                                const std::function<void()>& report = {});

// A whole main(): `PROGRAM [--transport NAME] MOUNTPOINT`.  Complains on stderr; gives the exit status.  For what the
// file system opens and makes itself, the limit of open files is raised as far as it may be, and the umask is 0.
int serve(Ref<Node> root, int argc, char** argv, MountOptions options = {}, Background background = {});

}  // namespace fusebox
#pragma GCC visibility pop
