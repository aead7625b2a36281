#include "action/retry_queue.h"

#include <algorithm>
#include <utility>

namespace fusebox::action {

std::optional<Delivery> RetryQueue::next(Time now) {
  // Whoever failed gets one to prove itself with.
  const std::size_t most = failures_ > 0 ? 1 : at_once_;
  if (waiting_.empty() || under_way_ >= most || now < not_before_) return std::nullopt;
  Delivery delivery = std::move(waiting_.front());
  waiting_.pop_front();
  ++under_way_;
  return delivery;
}

std::optional<Time> RetryQueue::pause_ends() const {
  if (waiting_.empty() || failures_ == 0 || under_way_ > 0) return std::nullopt;
  return not_before_;
}

void RetryQueue::done(Time now) {
  settle();
  idle_since_ = now;
}

void RetryQueue::hurry(Time now, std::optional<std::chrono::milliseconds> idle) {
  hurries_ = true;
  idle_ = idle;
  idle_since_ = now;
}

std::optional<Time> RetryQueue::patience_ends() const {
  if (is_idle() || !idle_) return std::nullopt;
  return idle_since_ + *idle_;
}

// Whoever answers is there.
void RetryQueue::settle() {
  --under_way_;
  failures_ = 0;
  trouble_.clear();
  not_before_ = {};
}

std::vector<GivenUp> RetryQueue::failed(Delivery delivery, std::string why, Time now) {
  --under_way_;
  // Those that were under way together failed together.
  if (now >= not_before_) {
    const auto pause = kFirstPause * (1U << std::min(failures_, 6U));
    not_before_ = now + std::min<std::chrono::milliseconds>(pause, kLongestPause);
    ++failures_;
  }
  trouble_ = why;
  const auto is_behind =
      std::ranges::find_if(waiting_, [&](const Delivery& other) { return other.event > delivery.event; });
  waiting_.insert(is_behind, std::move(delivery));
  if (hurries_ && failures_ >= kLastTries) return give_up(why);
  std::vector<GivenUp> given_up;
  while (!waiting_.empty() && waiting_.front().came + kPatience < now) {
    given_up.push_back({waiting_.front().event, why});
    waiting_.pop_front();
  }
  return given_up;
}

GivenUp RetryQueue::rejected(const Delivery& delivery, std::string why) {
  settle();
  return {delivery.event, std::move(why)};
}

std::vector<GivenUp> RetryQueue::give_up(const std::string& why) {
  std::vector<GivenUp> given_up;
  given_up.reserve(waiting_.size());
  for (const Delivery& delivery : waiting_) given_up.push_back({delivery.event, why});
  waiting_.clear();
  return given_up;
}

std::optional<Time> RetryQueue::oldest() const {
  if (waiting_.empty()) return std::nullopt;
  return std::ranges::min(waiting_, {}, &Delivery::came).came;
}

}  // namespace fusebox::action
