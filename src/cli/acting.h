// The rules of one run that act, and the script of its policy: the processes behind them.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "action/actions.h"
#include "hook/policy_script.h"
#include "policy/load.h"
#include "policy/trigger_rules.h"

namespace fusebox::cli {

class Acting {
 public:
  // Starts the processes that act and answer, where there is anything for them.  While there is one thread, and by the
  // user's own rights.  What they execute cannot be changed in the box.
  Outcome<> start(policy::LoadedPolicy& policy);

  // Null: no rule acts.  Once.
  std::unique_ptr<audit::ActingSink> take_sink() { return std::move(sink_); }
  const policy::TriggerRules* triggers() const { return triggers_ ? &*triggers_ : nullptr; }
  // Null: no script is asked.
  guard::AccessHook* hook() { return script_ ? &*script_ : nullptr; }

  // All of them, those of the script behind those of the policy file.
  const std::vector<policy::ActingRule>& rules() const { return rules_; }

 private:
  Outcome<> start_programs(policy::LoadedPolicy& policy, std::vector<action::Actions::Agent>& agents);
  Outcome<> start_script(policy::LoadedPolicy& policy, std::vector<action::Actions::Agent>& agents);

  std::vector<policy::ActingRule> rules_;
  std::unique_ptr<audit::ActingSink> sink_;
  std::optional<policy::TriggerRules> triggers_;
  std::optional<hook::PolicyScript> script_;
};

}  // namespace fusebox::cli
