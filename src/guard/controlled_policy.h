// A policy that the boxed program may narrow, and widen again up to a ceiling, while the box runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "guard/policy_source.h"
#include "policy/control_lists.h"

namespace fusebox::guard {

// Any thread.  A change holds for every request that the guard begins to judge after the call has returned; the kernel
// asks at each open, so it has nothing to forget.
class ControlledPolicy final : public PolicySource {
 public:
  // `base` holds where nothing was asked for; no order allows what `ceiling` does not.
  ControlledPolicy(std::shared_ptr<const policy::Policy> base, std::shared_ptr<const policy::Policy> ceiling);

  Ruling for_caller(const Caller&) override;

  enum class Answer {
    done,
    not_understood,  // `why` says which line; nothing has changed
    beyond_ceiling,  // the same
    locked,          // nothing changes any more
  };
  struct Changed {
    Answer answer = Answer::done;
    std::string why;
  };

  // `script` in place of what was asked for so far (control_lists.h).
  Changed replace(std::string_view script);
  // Off: the base policy alone.
  Changed switch_to(bool on);
  // For good.
  void lock();

  std::string script() const;
  bool is_on() const;
  bool is_locked() const;

  // All of it as a line of JSON.
  std::string state() const;

 private:
  void settle();

  const std::shared_ptr<const policy::Policy> base_;
  const std::shared_ptr<const policy::Policy> ceiling_;
  // What holds while nothing was asked for, which is nearly always: without a lock, and without a count of owners.
  const policy::Policy plain_policy_;
  const Ruling plain_;
  std::atomic<bool> is_plain_{true};
  mutable std::mutex mutex_;  // guards all below
  policy::ControlLists lists_;
  bool on_ = true;
  bool locked_ = false;
  std::uint64_t changes_ = 0;
  Ruling ruling_;  // where it is not the plain one
};

}  // namespace fusebox::guard
