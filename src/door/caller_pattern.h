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
  // How long a server may spin, in nanoseconds: a program that computes between two requests, and the start of the next
  // one, mostly fall into it.
  static constexpr std::int64_t kSpin = 300'000;

  // A request of thread `tid` arrived, `waited` nanoseconds after the last reply.
  void arrived(std::uint32_t tid, std::int64_t waited);

  // One program at a time calls, and soon again: spin.  Changes slowly.
  bool one_at_a_time() const { return one_at_a_time_.load(std::memory_order_relaxed); }
  bool soon() const { return mean_wait_.load(std::memory_order_relaxed) < kSpin; }

  // To be called now and then: whether spinning can be of use at all; at first it is not.  Where waking a sleeping
  // thread costs little, because idle processors are kept awake, and where there is one processor, it only takes that
  // from others.  Times are of CLOCK_MONOTONIC, in nanoseconds.
  void may_spin(bool useful, std::int64_t now) {
    may_spin_.store(useful && now - wanted_.load(std::memory_order_relaxed) >= kLeftToOthers,
                    std::memory_order_relaxed);
  }

  // A server that offered its processor while it spun got it back only `now`, since others wanted it: nobody spins for
  // the next tenth of a second.
  void processor_was_wanted(std::int64_t now) {
    wanted_.store(now, std::memory_order_relaxed);
    may_spin_.store(false, std::memory_order_relaxed);
  }

  bool should_spin() const { return may_spin_.load(std::memory_order_relaxed) && one_at_a_time() && soon(); }

 private:
  static constexpr std::int64_t kLeftToOthers = 100'000'000;

  std::atomic<std::int64_t> mean_wait_{0};
  std::atomic<std::uint32_t> last_tid_{0};
  std::atomic<std::uint32_t> tid_before_{0};
  std::atomic<std::uint32_t> alternation_{0};
  std::atomic<bool> one_at_a_time_{true};
  std::atomic<bool> may_spin_{false};
  std::atomic<std::int64_t> wanted_{-kLeftToOthers};
};

}  // namespace fusebox::door
