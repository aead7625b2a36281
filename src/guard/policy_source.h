// Where the guard gets the policy from: the one that holds for a caller, now.
//
// Data flows down: the guard asks and gets a value.  What changes a policy while the box runs is behind this interface.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "fusebox/request.h"
#include "fusebox/result.h"
#include "policy/policy.h"

namespace fusebox::guard {

// A policy and its number.  Of one source, equal generations mean equal policies: decisions are cached by it.
struct Ruling {
  std::shared_ptr<const policy::Policy> policy;  // never null
  std::uint64_t generation = 0;
};

// Any thread may ask.  Outlives the guard.
class PolicySource {
 public:
  virtual ~PolicySource() = default;

  // Asked for each request that the policy decides on: cheap.  The caller waits meanwhile, so it cannot go away.
  virtual Ruling for_caller(const Caller& caller) = 0;

  // The caller tells `value` about itself, under a name that starts with kTellPrefix.  Whoever is in the box may tell
  // anything.  ENOTSUP: this source does not listen.
  virtual Result<> tell(const Caller& caller, std::string_view name, std::span<const std::byte> value);

  static constexpr std::string_view kTellPrefix = "system.fusebox.";

  // Of the guard's own names: what the kernel refused the caller by mode bits before anyone was asked.  A source that
  // takes it has the guard judge it, and record a violation.
  static constexpr std::string_view kTellRefused = "system.fusebox.refused";
};

// One policy for all, for good.
class FixedPolicy final : public PolicySource {
 public:
  // `policy` outlives it.
  explicit FixedPolicy(const policy::Policy& policy);

  Ruling for_caller(const Caller&) override { return ruling_; }

 private:
  // Without a count of owners: a copy of it costs what a copy of a pointer does.
  const Ruling ruling_;
};

}  // namespace fusebox::guard
