// How requests come in and replies go out: one queue of a connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "fusebox/result.h"

namespace fusebox::door {

// Threads: one thread receives; any thread sends.
class Channel {
 public:
  virtual ~Channel() = default;

  // Waits for one request and stores it whole; gives its length.  ENODEV: the connection has ended (unmounted, or
  // aborted); nothing follows.  `into` holds at least wire::kMinReadBuffer bytes, and the largest write plus a page
  // once that is negotiated.
  virtual Result<std::size_t> receive(std::span<std::byte> into) = 0;

  // Sends one whole reply or notification.  ENOENT: nobody waits for it any more (the caller was interrupted); what the
  // reply would have given away must be taken back.
  virtual Result<> send(std::span<const std::byte> message) = 0;

  // Sends a reply whose payload is at most `size` bytes of the file `fd` from `offset` on, without looking at them.
  // EOPNOTSUPP, and nothing sent: this door cannot, or not from that file.
  virtual Result<> send_from_file(std::uint64_t unique, int fd, std::uint64_t offset, std::size_t size);
};

inline Result<> Channel::send_from_file(std::uint64_t, int, std::uint64_t, std::size_t) {
  return fail(Errno::not_supported);
}

}  // namespace fusebox::door
