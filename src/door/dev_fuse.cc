#include "door/dev_fuse.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "wire/abi.h"

namespace fusebox::door {
namespace {

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Fixed-point weight of one request in the running share of alternating callers, and the share (of 1024) from which two
// callers are at work.
constexpr std::uint32_t kAlternationStep = 128;
constexpr std::uint32_t kTwoCallers = 60;

}  // namespace

std::int64_t SpinPolicy::nanoseconds() const {
  const bool soon = mean_wait_.load(std::memory_order_relaxed) < longest_;
  const bool one_caller = alternations_.load(std::memory_order_relaxed) < kTwoCallers;
  return soon && one_caller ? longest_ : 0;
}

void SpinPolicy::arrived(std::uint32_t tid, std::int64_t waited) {
  const std::int64_t mean = mean_wait_.load(std::memory_order_relaxed);
  mean_wait_.store(mean + (std::min(waited, 8 * longest_) - mean) / 8, std::memory_order_relaxed);
  const std::uint32_t last = last_tid_.load(std::memory_order_relaxed);
  std::uint32_t alternations = alternations_.load(std::memory_order_relaxed);
  if (tid != 0 && tid != last) {
    if (tid == tid_before_.load(std::memory_order_relaxed)) alternations += kAlternationStep;
    tid_before_.store(last, std::memory_order_relaxed);
    last_tid_.store(tid, std::memory_order_relaxed);
  }
  alternations_.store(std::min(alternations - alternations / 16, 1024u), std::memory_order_relaxed);
}

DevFuseChannel::DevFuseChannel(Fd device, std::shared_ptr<SpinPolicy> spin)
    : device_(std::move(device)), spin_(std::move(spin)) {}

void DevFuseChannel::set_blocking(bool blocking) {
  if (blocking_ == blocking) return;
  const int flags = ::fcntl(device_.get(), F_GETFL);
  ::fcntl(device_.get(), F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
  blocking_ = blocking;
}

ssize_t DevFuseChannel::read_once(std::span<std::byte> into) {
  const std::int64_t spin = spin_ ? spin_->nanoseconds() : 0;
  set_blocking(spin == 0);
  ssize_t length = ::read(device_.get(), into.data(), into.size());
  if (spin == 0) return length;
  const std::int64_t give_up = now() + spin;
  while (length < 0 && errno == EAGAIN && now() < give_up) {
    for (int i = 0; i < 8; ++i) relax();
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
      if (spin_ && size >= sizeof(wire::InHeader)) {
        const auto* header = reinterpret_cast<const wire::InHeader*>(into.data());
        spin_->arrived(header->pid, last_reply_ == 0 ? 0 : now() - last_reply_);
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
  if (spin_) last_reply_ = now();
  if (written < 0) return fail_with_errno();
  return {};
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
