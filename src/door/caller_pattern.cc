#include "door/caller_pattern.h"

#include <algorithm>

namespace fusebox::door {
namespace {

// A running measure of how often two threads take turns (X, Y, X): each turn adds a step, each request takes a
// sixteenth away.  Two programs at work reach the upper mark within a few requests; a shell that starts one program
// after another stays below it.
constexpr std::uint32_t kStep = 128;
constexpr std::uint32_t kMost = 1024;
constexpr std::uint32_t kSeveral = 400;
constexpr std::uint32_t kOne = 100;

}  // namespace

void CallerPattern::arrived(std::uint32_t tid, std::int64_t waited) {
  const std::int64_t mean = mean_wait_.load(std::memory_order_relaxed);
  mean_wait_.store(mean + (std::min(waited, 8 * kSpin) - mean) / 8, std::memory_order_relaxed);

  std::uint32_t alternation = alternation_.load(std::memory_order_relaxed);
  const std::uint32_t last = last_tid_.load(std::memory_order_relaxed);
  if (tid != 0 && tid != last) {
    if (tid == tid_before_.load(std::memory_order_relaxed)) alternation += kStep;
    tid_before_.store(last, std::memory_order_relaxed);
    last_tid_.store(tid, std::memory_order_relaxed);
  }
  alternation = std::min(alternation - alternation / 16, kMost);
  alternation_.store(alternation, std::memory_order_relaxed);
  if (alternation > kSeveral) one_at_a_time_.store(false, std::memory_order_relaxed);
  if (alternation < kOne) one_at_a_time_.store(true, std::memory_order_relaxed);
}

}  // namespace fusebox::door
