#include "box/mounter.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "box/init.h"
#include "box/mount_tools.h"

namespace fusebox::box {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Result<> mount_over(const Fd& source, const std::string& path) {
  // A cached name may be older than the object. What must not exist yet is asked for again (fs/fuse/dir.c,
  // fuse_dentry_revalidate: LOOKUP_EXCL); and no directory is ever linked.
  (void)linkat(AT_FDCWD, "/", AT_FDCWD, path.c_str(), 0);
  // No symlinks: the box could plant one at any time, and a mirrored path is canonical anyway.
  const open_how how{.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  const Fd target(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  return target ? attach(source, target) : fail_with_errno();
}

class MountNamespace {
 public:
  explicit MountNamespace(int init) : init_(init) {}

  // Root and working directory follow (setns(2)): nothing of the host is left in this process.
  Result<> join() {
    if (joined_) return {};
    if (setns(init_, CLONE_NEWNS) != 0) return fail_with_errno();
    joined_ = true;
    return {};
  }

 private:
  int init_;
  bool joined_ = false;
};

Result<> perform(const Message& request, MountNamespace& box) {
  if (request.kind != Kind::bind || !request.fd) return fail(Errno::invalid);
  const auto joined = box.join();
  return joined ? mount_over(request.fd, request.text) : joined;
}

[[noreturn]] void run_mounter(int channel, int init) {
  if (!become_helper("fusebox-mounter", {channel, init}, channel)) _exit(1);
  let_go_of_standard_descriptors();
  MountNamespace box(init);
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

Outcome<Mounter> Mounter::spawn(const Fd& init) {
  auto pair = message_pair();
  if (!pair) return std::unexpected(fault_with_errno("make a channel for the mounter"));
  const pid_t pid = fork();
  if (pid < 0) return std::unexpected(fault_with_errno("start the mounter"));
  if (pid == 0) run_mounter(pair->second.get(), init.get());
  // Were it stuck in a path walk, requests would pile up; a full channel is then an error, not another wait.
  fcntl(pair->first.get(), F_SETFL, O_NONBLOCK);
  return Mounter(pid, std::move(pair->first));
}

Mounter::Mounter(Mounter&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), channel_(std::move(other.channel_)), sequence_(other.sequence_) {}

Outcome<> Mounter::bind(Fd source, const std::string& path, milliseconds patience) {
  const std::string what = "bind " + path + " into the box";
  const std::lock_guard hold(turn_);
  const auto deadline = steady_clock::now() + patience;
  const Message request{.kind = Kind::bind, .sequence = ++sequence_, .text = path, .fd = std::move(source)};
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

void Mounter::end() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace fusebox::box
