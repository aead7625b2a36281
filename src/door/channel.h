// How requests come in and replies go out: one queue of a connection.
#pragma once

#include <cstddef>
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
};

}  // namespace fusebox::door
