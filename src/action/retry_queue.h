// What one rule has to deliver: in order, several at once while all goes well, one at a time and ever more seldom while
// it does not.
//
// Knows no clock and no network: pure bookkeeping, for one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace fusebox::action {

using Time = std::chrono::steady_clock::time_point;

// An event on its way to where its rule sends it.
struct Delivery {
  std::uint64_t event = 0;                 // its `seq` in the log
  std::vector<std::string> environment{};  // FUSEBOX_ variables
  std::string json{};                      // its line in the log
  Time came{};
};

struct GivenUp {
  std::uint64_t event = 0;
  std::string why;
};

class RetryQueue {
 public:
  static constexpr std::chrono::milliseconds kFirstPause{100};
  static constexpr std::chrono::milliseconds kLongestPause{5'000};
  static constexpr std::chrono::seconds kPatience{30};  // for one delivery, while none succeeds
  static constexpr unsigned kLastTries = 3;             // in a row, once the command has ended

  explicit RetryQueue(std::size_t at_once) : at_once_(at_once) {}

  void add(Delivery delivery) { waiting_.push_back(std::move(delivery)); }

  // What is to be tried now, if anything is.  It is under way until done() or failed().
  std::optional<Delivery> next(Time now);
  // When to ask again, where next() gave nothing because of a pause.
  std::optional<Time> pause_ends() const;

  void done(Time now);
  // To be tried again, or given up.
  std::vector<GivenUp> failed(Delivery delivery, std::string why, Time now);
  // Never to be tried again: another one may well succeed.
  GivenUp rejected(const Delivery& delivery, std::string why);

  // The command has ended.  From now on no longer than `idle` may pass without one that is done; none: however long.
  void hurry(Time now, std::optional<std::chrono::milliseconds> idle);
  // When that is over, while there is something left.
  std::optional<Time> patience_ends() const;
  // All that waits.
  std::vector<GivenUp> give_up(const std::string& why);

  bool is_idle() const { return waiting_.empty() && under_way_ == 0; }
  // Why the last attempt failed, while none has succeeded since.
  const std::string& trouble() const { return trouble_; }
  // When the oldest that waits came.
  std::optional<Time> oldest() const;

 private:
  void settle();

  const std::size_t at_once_;
  std::deque<Delivery> waiting_;
  std::size_t under_way_ = 0;
  unsigned failures_ = 0;  // in a row
  std::string trouble_;
  Time not_before_{};
  bool hurries_ = false;
  std::optional<std::chrono::milliseconds> idle_;
  Time idle_since_{};
};

}  // namespace fusebox::action
