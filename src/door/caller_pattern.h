// Watches who calls, to tell how the server should wait for the next request.
//
// Where a program does one thing after another, its next request comes soon after the last reply, and waking a sleeping
// thread for it costs more than serving it: on a machine that halts idle processors (most virtual ones) about 25 us
// each way, against 7 us in all when the server is awake already.  Where several programs call at once, spinning only
// takes their processor away.  docs/performance.md has the figures.
#pragma once

#include <atomic>
#include <cstdint>

namespace fusebox::door {

// Any thread.  All it knows is approximate, and only speed depends on it.
class CallerPattern {
 public:
  // How long a server may spin, in nanoseconds: about what a wake-up costs; in it falls the close that follows a short
  // read.
  static constexpr std::int64_t kSpin = 30'000;

  // A request of thread `tid` arrived, `waited` nanoseconds after the last reply.
  void arrived(std::uint32_t tid, std::int64_t waited);

  // One program at a time calls, and soon again: spin.  Changes slowly.
  bool one_at_a_time() const { return one_at_a_time_.load(std::memory_order_relaxed); }
  bool soon() const { return mean_wait_.load(std::memory_order_relaxed) < kSpin; }

  // Where waking a sleeping thread costs little, because idle processors are kept awake, spinning only takes a
  // processor away from whoever else could use it.
  void wake_ups_are_cheap(bool cheap) { cheap_.store(cheap, std::memory_order_relaxed); }
  bool should_spin() const { return !cheap_.load(std::memory_order_relaxed) && one_at_a_time() && soon(); }

 private:
  std::atomic<std::int64_t> mean_wait_{0};
  std::atomic<std::uint32_t> last_tid_{0};
  std::atomic<std::uint32_t> tid_before_{0};
  std::atomic<std::uint32_t> alternation_{0};
  std::atomic<bool> one_at_a_time_{true};
  std::atomic<bool> cheap_{false};
};

}  // namespace fusebox::door
