// Answers that still hold, so that a script is asked once for what is asked again and again.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "audit/recent.h"
#include "guard/access_hook.h"
#include "hook/messages.h"

namespace fusebox::hook {

// Any thread.  Bounded: what is forgotten is asked again.
class AnswerCache {
 public:
  using Time = std::chrono::steady_clock::time_point;

  std::optional<guard::Answer> find(const guard::Question& question, Time now);
  // One that holds for no time at all is not kept, nor is a failure.
  void keep(const guard::Question& question, const Answered& answered, const guard::Answer& answer, Time now);

 private:
  static constexpr std::size_t kGeneration = 8192;

  struct Kept {
    guard::Answer answer;
    Time until{};
  };
  // By policy::Want.
  using KeptByWant = std::array<Kept, 3>;

  std::mutex mutex_;  // guards all below
  audit::Recent<std::string, KeptByWant> answers_{kGeneration};
  std::array<bool, 12> has_{};  // for each kind of key: is any such answer kept
};

}  // namespace fusebox::hook
