// A policy's script, as the guard asks it: a process of its own at the other end of a channel, which may be slow, hang
// or die.  Whatever it does, there is an answer in bounded time, and where there is none of its own, that is no.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include "action/channel.h"
#include "base/helper.h"
#include "guard/access_hook.h"
#include "hook/answer_cache.h"
#include "hook/same_processor.h"
#include "hook/turn.h"
#include "policy/hook_rule.h"
#include "policy/path_sets.h"

namespace fusebox::hook {

class PolicyScript final : public guard::AccessHook {
 public:
  // `helper` answers questions (messages.h), one after the other.
  PolicyScript(Helper helper, const policy::HookRule& rule);

  bool concerns(std::string_view path) const override { return paths_.at(path) != 0; }
  bool concerns_names_in(std::string_view directory) const override { return paths_.reaches_into(directory); }
  bool wants_looks() const override { return looks_; }
  Task<guard::Answer> ask(const Request& request, guard::Question question) override;

  // How often the script itself was asked.
  std::uint64_t questions() const { return number_.load(std::memory_order_relaxed); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  // A question on its way; answered where there is a result.
  struct Exchange {
    std::uint64_t number = 0;
    Time deadline{};
    std::optional<Answered> result{};
  };

  // With the turn.
  Exchange begin(const guard::Question& question);
  void end(Exchange& exchange);
  void proceed(Exchange& exchange, Time until);
  void wait_for_message(Time until) const;
  bool is_behind();
  Answered die();

  guard::Answer conclude(const guard::Question& question, const Answered& answered);

  const policy::PathSets paths_;
  const std::chrono::milliseconds time_limit_;
  const bool looks_;
  const std::string name_;  // `hook "policy.rb" (fusebox.toml:9:1)`
  AnswerCache cache_;

  Turn turn_;  // guards all below
  Helper helper_;
  SameProcessor place_;
  action::Receiver receiver_;
  std::atomic<std::uint64_t> number_{0};
  std::uint64_t overdue_ = 0;  // a question that was given up and may still be answered; 0: none
  std::string ended_;          // how the process ended, once it has
};

}  // namespace fusebox::hook
