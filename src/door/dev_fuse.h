// The /dev/fuse door: requests of a kernel mount.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "base/fault.h"
#include "base/fd.h"
#include "door/channel.h"

namespace fusebox::door {

// Whether a channel waits for its next request by spinning for a while before it sleeps.
//
// On a machine where waking another processor is slow (virtual machines that halt theirs: about 20 us each way, a fifth
// of that otherwise) a short spin halves a request's round trip for a program that does one thing after another, and
// only burns time where several do.  Shared by the channels of a connection, which watch the callers: see
// docs/performance.md.
class SpinPolicy {
 public:
  explicit SpinPolicy(std::chrono::nanoseconds longest) : longest_(longest.count()) {}

  // How long to spin now; zero: sleep at once.
  std::int64_t nanoseconds() const;

  // A request of thread `tid` arrived `waited` ns after this channel's last reply.
  void arrived(std::uint32_t tid, std::int64_t waited);

 private:
  const std::int64_t longest_;
  std::atomic<std::int64_t> mean_wait_{0};
  std::atomic<std::uint32_t> last_tid_{0};
  std::atomic<std::uint32_t> tid_before_{0};
  std::atomic<std::uint32_t> alternations_{0};
};

// One open /dev/fuse of a mounted connection.
class DevFuseChannel final : public Channel {
 public:
  // Takes a descriptor that is connected: mounted, or cloned from one that is.  `spin` may be null: never spin.
  DevFuseChannel(Fd device, std::shared_ptr<SpinPolicy> spin);

  Result<std::size_t> receive(std::span<std::byte> into) override;
  Result<> send(std::span<const std::byte> message) override;

 private:
  ssize_t read_once(std::span<std::byte> into);
  void set_blocking(bool blocking);

  Fd device_;
  std::shared_ptr<SpinPolicy> spin_;
  std::int64_t last_reply_ = 0;
  bool blocking_ = true;
};

// Another queue of the same connection (FUSE_DEV_IOC_CLONE), so that replies of several threads do not contend.
Outcome<Fd> clone_device(const Fd& connected);

}  // namespace fusebox::door
