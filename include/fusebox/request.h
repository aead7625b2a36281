// Who asks, and whether they still want to know.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string_view>

#pragma GCC visibility push(default)
namespace fusebox {

class Executor;

struct Caller {
  // On an idmapped mount both are as the mount maps them, and 4294967295 where nothing is made.
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t tid = 0;  // the thread, as the server's pid namespace numbers it; 0 where it has no number there, or for the
                  // kernel's own requests
};

// What a security module wants stored with something new, such as "security.selinux".
struct SecurityContext {
  std::string_view name;
  std::span<const std::byte> value;
};

// The server's side of a request; implemented by the dispatcher.
class Serving {
 public:
  virtual std::stop_token cancelled() = 0;
  virtual Executor& executor() = 0;

 protected:
  ~Serving() = default;
};

struct Request {
  Caller caller;
  std::uint64_t unique = 0;  // the kernel's number of this request

  // With what makes something new, where MountOptions asks for them.
  std::span<const SecurityContext> security_contexts{};
  std::span<const gid_t> supplementary_groups{};  // those of the caller's that matter: the directory's, if it has it

  // A write, an open or create that truncates, or a change of the ACL that takes the set-id bits of the file with it,
  // as SetAttr::kill_suid_sgid says of a truncate: the caller is not privileged to keep them.
  bool kill_suid_sgid = false;

  Serving* serving = nullptr;  // null outside of a session (a test that calls a node itself)

  // Stops when the caller got a signal and no longer waits (FUSE_INTERRUPT).  For handlers that wait; costs nothing
  // where it is not asked for.  After a stop, end with Errno::interrupted.
  std::stop_token cancelled() const { return serving != nullptr ? serving->cancelled() : std::stop_token(); }
};

}  // namespace fusebox
#pragma GCC visibility pop
