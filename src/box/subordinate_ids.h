// Subordinate ids: ranges of the host's ids that a user may use as his own in a user namespace (subuid(5)).
//
// Only programs with rights over the machine may map more than one's own id, newuidmap(1) and newgidmap(1); they map
// what /etc/subuid and /etc/subgid give to the user.
#pragma once

#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::box {

// A user namespace in which the user is root and his subordinate ids are the others; nobody is in it yet.  It ends with
// the descriptor.  Fault: it cannot be had, and nothing has changed.  Starts processes and waits for them.
Outcome<Fd> make_namespace_with_subordinate_ids();

}  // namespace fusebox::box
