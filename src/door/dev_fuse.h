// The /dev/fuse door: requests of a kernel mount.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "door/caller_pattern.h"
#include "door/channel.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::door {

// One open /dev/fuse of a mounted connection.
class DevFuseChannel final : public Channel {
 public:
  // Takes a descriptor that is connected: mounted, or cloned from one that is.  `callers` is shared by the channels of
  // a connection and outlives them.
  DevFuseChannel(Fd device, CallerPattern& callers);

  Result<std::size_t> receive(std::span<std::byte> into) override;
  Result<> send(std::span<const std::byte> message) override;
  Result<> send_from_file(std::uint64_t unique, int fd, std::uint64_t offset, std::size_t size) override;

 private:
  ssize_t read_once(std::span<std::byte> into);
  void set_blocking(bool blocking);

  Fd device_;
  CallerPattern& callers_;
  std::atomic<std::int64_t> last_reply_{0};
  bool blocking_ = true;
};

// Another queue of the same connection (FUSE_DEV_IOC_CLONE), so that replies of several threads do not contend.
Outcome<Fd> clone_device(const Fd& connected);

}  // namespace fusebox::door
