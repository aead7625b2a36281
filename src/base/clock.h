// The time that only goes on.
#pragma once

#include <cstdint>
#include <ctime>

namespace fusebox {

// CLOCK_MONOTONIC in nanoseconds.
inline std::int64_t monotonic_now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

// The same, some milliseconds late and without a look at the hardware's clock: cheap enough for each request.
inline std::int64_t monotonic_now_coarse() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

}  // namespace fusebox
