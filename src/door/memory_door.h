// The in-memory door: requests and replies without a kernel, a mount, or rights.
//
// Whoever plays the kernel (a test, a fuzzer) queues the bytes of requests and collects replies; the session serves the
// other end as it serves any channel.  What the kernel refuses in a reply is refused here too
// (fs/fuse/dev.c: fuse_dev_do_write).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "door/channel.h"

namespace fusebox::door {

// Any thread may call anything, and several may receive.
class MemoryChannel final : public Channel {
 public:
  using Bytes = std::vector<std::byte>;

  // The server's side.  A request that does not fit `into` is answered with EIO, and the next one is taken.
  // send(): EINVAL for a length or an error number that the kernel would not take, ENODEV after close().
  Result<std::size_t> receive(std::span<std::byte> into) override;
  Result<> send(std::span<const std::byte> message) override;

  // The kernel's side.  Bytes of any kind may be queued; they are handed out in order.
  void enqueue(Bytes request);

  // The caller of `unique` gives up: nobody waits for the reply, and sending it gives ENOENT.
  void abandon(std::uint64_t unique);

  // The whole reply to `unique`, header included; nothing when there is none after `patience`.
  std::optional<Bytes> take_reply(std::uint64_t unique, std::chrono::nanoseconds patience);

  // Messages that reply to nothing (unique 0), in the order in which they were sent.
  std::vector<Bytes> take_notifications();

  // Replies that were refused because nobody waited for them: the caller gave up, it is the second reply, or it answers
  // a request that takes none (FORGET).
  std::size_t refused() const;

  // Ends the connection, as unmounting does: what is queued is dropped, and receive() gives ENODEV from now on.
  void close();

 private:
  void reply_with_error(std::uint64_t unique, Errno error);

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable queued_;
  std::condition_variable replied_;
  std::deque<Bytes> queue_;
  std::set<std::uint64_t> waiting_;  // requests whose caller waits for a reply
  std::map<std::uint64_t, Bytes> replies_;
  std::vector<Bytes> notifications_;
  std::size_t refused_ = 0;
  bool closed_ = false;
};

}  // namespace fusebox::door
