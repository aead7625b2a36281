#include "dispatch/in_flight.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace fusebox::dispatch {
namespace {

constexpr std::size_t kRemembered = 64;

}  // namespace

std::stop_token InFlight::add(std::uint64_t unique) {
  std::stop_source source;
  bool already = false;
  {
    const std::lock_guard lock(mutex_);
    source = sources_.try_emplace(unique, source).first->second;
    already = std::erase(unmatched_, unique) > 0 || ended_;
  }
  if (already) source.request_stop();
  return source.get_token();
}

void InFlight::remove(std::uint64_t unique) {
  const std::lock_guard lock(mutex_);
  sources_.erase(unique);
}

void InFlight::interrupt(std::uint64_t unique) {
  std::stop_source source(std::nostopstate);
  {
    const std::lock_guard lock(mutex_);
    const auto found = sources_.find(unique);
    if (found == sources_.end()) {
      unmatched_.push_back(unique);
      if (unmatched_.size() > kRemembered) unmatched_.pop_front();
      return;
    }
    source = found->second;
  }
  source.request_stop();  // runs the handler's callbacks: not under our lock
}

void InFlight::interrupt_all() {
  std::vector<std::stop_source> sources;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (const auto& [unique, source] : sources_) sources.push_back(source);
  }
  for (std::stop_source& source : sources) source.request_stop();
}

std::size_t InFlight::size() const {
  const std::lock_guard lock(mutex_);
  return sources_.size();
}

}  // namespace fusebox::dispatch
