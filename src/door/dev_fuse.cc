#include "door/dev_fuse.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/clock.h"
#include "door/spliced_reply.h"
#include "wire/abi.h"

namespace fusebox::door {
namespace {

// Who gets the processor back later than this after offering it was kept off it by somebody who computes: interrupts,
// threads of the kernel and a hypervisor's other guests mostly take less.
constexpr std::int64_t kTakenAway = 1'000'000;

}  // namespace

DevFuseChannel::DevFuseChannel(Fd device, CallerPattern& callers) : device_(std::move(device)), callers_(callers) {}

void DevFuseChannel::set_blocking(bool blocking) {
  if (blocking_ == blocking) return;
  const int flags = ::fcntl(device_.get(), F_GETFL);
  ::fcntl(device_.get(), F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
  blocking_ = blocking;
}

ssize_t DevFuseChannel::read_once(std::span<std::byte> into) {
  const bool spin = callers_.should_spin();
  set_blocking(!spin);
  ssize_t length = ::read(device_.get(), into.data(), into.size());
  if (!spin) return length;
  std::int64_t now = monotonic_now();
  const std::int64_t give_up = now + CallerPattern::kSpin;
  while (length < 0 && errno == EAGAIN && now < give_up) {
    ::sched_yield();
    const std::int64_t back = monotonic_now();
    if (back - std::exchange(now, back) > kTakenAway) {
      callers_.processor_was_wanted(now);
      break;
    }
    length = ::read(device_.get(), into.data(), into.size());
  }
  if (length >= 0 || errno != EAGAIN) return length;
  set_blocking(true);
  return ::read(device_.get(), into.data(), into.size());
}

Result<std::size_t> DevFuseChannel::receive(std::span<std::byte> into) {
  for (;;) {
    const ssize_t length = read_once(into);
    if (length >= 0) {
      const auto size = static_cast<std::size_t>(length);
      if (size >= sizeof(wire::InHeader)) {
        const auto* header = reinterpret_cast<const wire::InHeader*>(into.data());
        callers_.arrived(header->pid, monotonic_now() - last_reply_.load(std::memory_order_relaxed));
      }
      return size;
    }
    // ENOENT: the request was interrupted while it was handed over (fs/fuse/dev.c: fuse_dev_do_read).
    if (errno == EINTR || errno == EAGAIN || errno == ENOENT) continue;
    return fail(Errno::no_device);
  }
}

Result<> DevFuseChannel::send(std::span<const std::byte> message) {
  const ssize_t written = ::write(device_.get(), message.data(), message.size());
  last_reply_.store(monotonic_now(), std::memory_order_relaxed);
  if (written < 0) return fail_with_errno();
  return {};
}

Result<> DevFuseChannel::send_from_file(std::uint64_t unique, int fd, std::uint64_t offset, std::size_t size) {
  thread_local SplicedReply reply;
  const Result<> sent = reply.send(device_.get(), unique, fd, offset, size);
  last_reply_.store(monotonic_now(), std::memory_order_relaxed);
  return sent;
}

Outcome<Fd> clone_device(const Fd& connected) {
  Fd clone(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!clone) return std::unexpected(fault_with_errno("open /dev/fuse"));
  auto source = static_cast<std::uint32_t>(connected.get());
  if (::ioctl(clone.get(), wire::kIoctlClone, &source) < 0) {
    return std::unexpected(fault_with_errno("clone /dev/fuse"));
  }
  return clone;
}

}  // namespace fusebox::door
