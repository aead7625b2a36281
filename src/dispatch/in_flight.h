// Requests whose handlers want to hear that the caller gave up (FUSE_INTERRUPT).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <unordered_map>

namespace fusebox::dispatch {

// Only requests that ask are listed, so one that answers at once costs nothing.  An interrupt may arrive before its
// request is listed (another thread still reads it): the last few unmatched ones are remembered.  Any thread.
class InFlight {
 public:
  // The token of request `unique`, from now on until remove().
  std::stop_token add(std::uint64_t unique);
  void remove(std::uint64_t unique);
  void interrupt(std::uint64_t unique);
  void interrupt_all();  // those that come later too: the session ends
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::stop_source> sources_;
  std::deque<std::uint64_t> unmatched_;
  bool ended_ = false;
};

}  // namespace fusebox::dispatch
