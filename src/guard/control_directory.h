// The directory by which a boxed program looks at its policy and changes it: acl, acl_switch, lock, state, version.
#pragma once

#include <string_view>

#include "guard/controlled_policy.h"
#include "guard/guard.h"

namespace fusebox::guard {

// Nodes to be guarded like any other: who may open them is the policy's to say.  A change that is refused is in the
// log.  Guard and policy outlive them.
Ref<Node> make_control_directory(Guard& guard, ControlledPolicy& policy, std::string_view name);

}  // namespace fusebox::guard
