// What a thread was refused last, so that its own word of the same is not recorded twice.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <mutex>

namespace fusebox::guard {

// Any thread.  Bounded: a thread that shares its place with another one may have something recorded twice.
class LastRefusals {
 public:
  void remember(pid_t tid, std::uint64_t path_hash) {
    Slot& slot = slot_of(tid);
    const std::lock_guard lock(slot.mutex);
    slot.tid = tid;
    slot.path_hash = path_hash;
  }

  // Whether it was that; from then on it is forgotten.
  bool take(pid_t tid, std::uint64_t path_hash) {
    Slot& slot = slot_of(tid);
    const std::lock_guard lock(slot.mutex);
    const bool is_it = slot.tid == tid && slot.path_hash == path_hash && tid != 0;
    if (is_it) slot.tid = 0;
    return is_it;
  }

 private:
  struct Slot {
    std::mutex mutex;
    pid_t tid = 0;
    std::uint64_t path_hash = 0;
  };
  Slot& slot_of(pid_t tid) { return slots_[static_cast<unsigned>(tid) % slots_.size()]; }

  std::array<Slot, 256> slots_;
};

}  // namespace fusebox::guard
