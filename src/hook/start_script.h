// Starts the processes of a policy's script, before there is a box.
#pragma once

#include <cstddef>
#include <optional>

#include "base/helper.h"
#include "fusebox/fault.h"
#include "hook/messages.h"
#include "policy/hook_rule.h"

namespace fusebox::hook {

struct StartedScript {
  Hello hello;
  Helper answering;  // for PolicyScript
};

// While there is one thread, and by the user's own rights.  The Fault is the script's own word where it has a mistake
// ("policy.rb:3:7: syntax error").
Outcome<StartedScript> start_script(const policy::HookRule& rule);

// Another process of a script that was started: its rules are those of the box from `first` on.
Outcome<Helper> start_acting(const policy::HookRule& rule, std::size_t first);

}  // namespace fusebox::hook
