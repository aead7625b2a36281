// The io_uring door: requests of one processor.
//
// The kernel hands a request to the queue of the processor on which the caller runs, and the thread that serves it runs
// there too: no other processor has to be woken, and a reply and the wait for the next request are one system call
// (Documentation/filesystems/fuse-io-uring.rst).  FORGET and INTERRUPT still come by /dev/fuse.
//
// The kernel fills an entry of a queue in the context of the thread that gave it the entry.  A thread that is blocked
// holds up the entries that it has given and not yet got back, so threads that may block give one at a time, and
// several such threads serve a queue, each with a channel of its own.  A handler that awaits keeps its entry, and not
// its thread: that gives another then.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "door/channel.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::door {

// The channels of each queue, by its number.
using Rings = std::vector<std::vector<std::unique_ptr<class RingChannel>>>;

// How many queues there must be: one for each processor that may ever be there.  None: the kernel does not offer rings,
// or its administrator has switched them off.
std::optional<unsigned> ring_queues_needed();

class RingChannel final : public Channel {
 public:
  // Only makes the ring and its buffers, `entries` of them at first.  Requests have at most `max_write` bytes;
  // `device` is the connected /dev/fuse and outlives the channel.
  static Outcome<std::unique_ptr<RingChannel>> create(const Fd& device, unsigned queue, unsigned entries,
                                                      std::size_t max_write);

  // One more for the same queue, with one entry.
  Outcome<std::unique_ptr<RingChannel>> another() const;

  // After the thread that received has ended.
  ~RingChannel() override;

  // Gives the entries to the kernel.  Once, by the thread that receives, after the kernel has taken the reply to INIT.
  void register_entries();

  // One thread.  ENODEV also where the kernel refuses the entries.
  Result<std::size_t> receive(std::span<std::byte> into) override;

  // Any thread.  The reply goes out with the next receive(); from another thread than the one that receives, at once.
  Result<> send(std::span<const std::byte> message) override;

 private:
  struct Impl;
  explicit RingChannel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// `channels` for each of the `queues`, of one entry each; a fault where one of them cannot be made.
Outcome<Rings> create_rings(const Fd& device, unsigned queues, unsigned channels, std::size_t max_write);

}  // namespace fusebox::door
