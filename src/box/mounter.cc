#include "box/mounter.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/helper.h"
#include "box/mount_tools.h"

namespace fusebox::box {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Careful: no symlinks. The box could plant one at any time, and a mirrored path is canonical anyway.
Fd open_in_box(const std::string& path, int flags) {
  const open_how how{.flags = static_cast<std::uint64_t>(O_PATH | O_CLOEXEC | flags),
                     .mode = 0,
                     .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  return Fd(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
}

bool is_same_file(const Fd& one, const Fd& other) {
  struct stat a{};
  struct stat b{};
  return fstat(one.get(), &a) == 0 && fstat(other.get(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Result<> mount_over(const Fd& source, const std::string& path) {
  // A cached name may be older than the object. What must not exist yet is asked for again (fs/fuse/dir.c,
  // fuse_dentry_revalidate: LOOKUP_EXCL); and no directory is ever linked.
  (void)linkat(AT_FDCWD, "/", AT_FDCWD, path.c_str(), 0);
  const Fd target = open_in_box(path, 0);
  // A request that was given up may have been carried out since.
  if (target && is_same_file(source, target)) return {};
  return target ? attach(source, target) : fail_with_errno();
}

// A name on which nothing is mounted any more is EINVAL.
Result<> take_off(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return fail(Errno::invalid);
  // From the directory, since umount2(2) would follow symlinks on the way: to the mounts that guard the box, say.
  const Fd directory = open_in_box(path.substr(0, slash + 1), O_DIRECTORY);
  if (!directory || fchdir(directory.get()) != 0) return fail_with_errno();
  const bool done = umount2(path.c_str() + slash + 1, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
  const int error = errno;
  if (chdir("/") != 0) _exit(1);  // a busy directory is not given back
  return done ? Result<>() : fail(static_cast<Errno>(error));
}

class MountNamespace {
 public:
  explicit MountNamespace(int mounts) : mounts_(mounts) {}

  // Root and working directory follow (setns(2)): nothing of the host is left in this process.
  Result<> join() {
    if (joined_) return {};
    // The namespace is refused to threads that share their root and working directory; a debugging runtime may have
    // given this process a second thread.
    if (unshare(CLONE_FS) != 0 || setns(mounts_, CLONE_NEWNS) != 0) return fail_with_errno();
    joined_ = true;
    return {};
  }

 private:
  int mounts_;
  bool joined_ = false;
};

Result<> perform(const Message& request, MountNamespace& box) {
  if (const auto joined = box.join(); !joined) return joined;
  if (request.kind == Kind::bind && request.fd) return mount_over(request.fd, request.text);
  if (request.kind == Kind::unbind) return take_off(request.text);
  return fail(Errno::invalid);
}

[[noreturn]] void run_mounter(int channel, int mounts) {
  if (!become_helper("fusebox-mounter", {channel, mounts}, channel)) _exit(1);
  let_go_of_standard_descriptors();
  MountNamespace box(mounts);
  for (;;) {
    const auto request = receive_message(channel);
    if (!request) _exit(0);
    const auto done = perform(*request, box);
    const Message answer{.kind = Kind::done,
                         .number = done ? 0 : static_cast<int>(done.error()),
                         .sequence = request->sequence,
                         .text = {},
                         .fd = {}};
    if (!send_message(channel, answer)) _exit(0);
  }
}

}  // namespace

Outcome<Mounter> Mounter::spawn(const Fd& mounts) {
  auto pair = message_pair();
  if (!pair) return std::unexpected(fault_with_errno("make a channel for the mounter"));
  const pid_t pid = fork();
  if (pid < 0) return std::unexpected(fault_with_errno("start the mounter"));
  if (pid == 0) run_mounter(pair->second.get(), mounts.get());
  // Were it stuck in a path walk, requests would pile up; a full channel is then an error, not another wait.
  fcntl(pair->first.get(), F_SETFL, O_NONBLOCK);
  return Mounter(pid, std::move(pair->first));
}

Mounter::Mounter(Mounter&& other) noexcept
    : pid_(other.pid_.exchange(-1)), channel_(std::move(other.channel_)), sequence_(other.sequence_) {}

Outcome<> Mounter::bind(Fd source, const std::string& path, milliseconds patience) {
  return ask({.kind = Kind::bind, .text = path, .fd = std::move(source)}, "bind " + path + " into the box", patience);
}

Outcome<> Mounter::unbind(const std::string& path, milliseconds patience) {
  return ask({.kind = Kind::unbind, .text = path, .fd = {}}, "unbind " + path + " in the box", patience);
}

Outcome<> Mounter::ask(Message request, const std::string& what, milliseconds patience) {
  const std::lock_guard hold(turn_);
  const auto deadline = steady_clock::now() + patience;
  request.sequence = ++sequence_;
  if (!channel_ || !send_message(channel_.get(), request)) {
    return std::unexpected(Fault{.what = what, .why = "the mounter has ended", .remedy = {}});
  }
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
    pollfd answer{channel_.get(), POLLIN, 0};
    const int ready = left > 0 ? poll(&answer, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::unexpected(Fault{.what = what, .why = std::strerror(ETIMEDOUT), .remedy = {}});
    const auto message = receive_message(channel_.get());
    if (!message) return std::unexpected(Fault{.what = what, .why = "the mounter has ended", .remedy = {}});
    // The answer to a request that was given up earlier.
    if (message->sequence != request.sequence) continue;
    if (message->number == 0) return {};
    return std::unexpected(Fault{.what = what, .why = std::strerror(message->number), .remedy = {}});
  }
}

void Mounter::kill() const {
  if (const pid_t process = pid(); process > 0) ::kill(process, SIGKILL);
}

void Mounter::end() {
  kill();
  const pid_t pid = pid_.exchange(-1);
  if (pid <= 0) return;
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace fusebox::box
