// The process that runs programs and posts to webhooks for the rules of one box.
//
// It was forked before the box, and before the supervisor took rights or a user namespace of its own: what it starts
// has the rights of whoever started Fusebox.
#pragma once

#include <vector>

#include "base/helper.h"
#include "policy/acting_rule.h"

namespace fusebox::action {

// While there is one thread.  `rules` are all of the box; those that are a script's are never asked for.
Outcome<Helper> start_courier(const std::vector<policy::ActingRule>& rules);

}  // namespace fusebox::action
