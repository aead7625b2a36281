// One line of the audit log, as a value.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace fusebox::audit {

// What a request did.  One word each in the log's `op` field (see to_string).
enum class Op : std::uint8_t {
  stat,
  access,
  readlink,
  open,
  exec,
  list,
  read,
  write,  // `read` and `write` are data transfers (level io)
  create,
  mkdir,
  mknod,
  symlink,
  link,
  unlink,
  rmdir,
  rename,
  truncate,
  chmod,
  chown,
  utimes,
  setxattr,
  removexattr,
  getxattr,
  listxattr,
  fallocate,
  ioctl,
};

// The verdict's word in the log.
enum class Verdict : std::uint8_t { allow, deny, predict, hide, discard };

// It happened: to the host, or in the box alone.
constexpr bool is_permitted(Verdict verdict) { return verdict == Verdict::allow || verdict == Verdict::discard; }

// Who did it.  Immutable; shared by all events of one process image (a new one after each exec).
struct Process {
  pid_t pid = 0;         // thread group
  std::uint64_t id = 0;  // unique for the box's life, whatever pids are reused
  std::string exe{};     // what /proc/PID/exe shows, as a path in the box; empty where it cannot be known

  // As they were when it was first seen; see audit::Image.
  pid_t parent = 0;
  std::uint64_t start_time = 0;
  std::uint64_t start_stack = 0;
};

struct Event {
  timespec time{};
  std::shared_ptr<const Process> process{};
  pid_t tid = 0;
  uid_t uid = 0;
  Op op{};
  std::string path{};
  std::string to{};  // rename, link: the new name; symlink: its target; else empty
  int flags = 0;     // open, exec, create: O_ flags of the caller
  Verdict verdict = Verdict::allow;
  std::string rule{};       // which rule decided, for people; empty where none did
  int error = 0;            // the errno that the caller saw; 0: success
  std::uint64_t bytes = 0;  // read, write
  bool is_directory = false;
  bool refused_at_to = false;  // `path` may be used so, but not `to`; the log's line does not say it
  std::uint64_t triggers = 0;  // a bit for each rule that acts on it; the same
};

std::string_view to_string(Op op);
std::string_view to_string(Verdict outcome);
std::optional<Op> parse_op(std::string_view word);

// Operations that mean the same to the account of a run.
enum class Kind : std::uint8_t {
  look,        // that it exists, and its attributes
  read,        // opened for reading, executed, listed, a symlink read
  write,       // opened for writing, truncated
  create,      // a new name
  remove,      // a name gone
  attributes,  // mode, owner, times, extended attributes
  transfer,    // data of an open file
};

// `flags` tells an open for writing from one for reading.
Kind kind_of(Op op, int flags);

}  // namespace fusebox::audit
