// How a box gets the rights that it takes to make one.
#pragma once

#include "fusebox/fault.h"

namespace fusebox::box {

// Who a user without rights is in the box.
enum class OwnId {
  same,
  root,
  root_of_others,  // and his subordinate ids are further users of the box, where they can be had; else as `root`
};

// Whom the box knows.  But for `all`, the process is in a user namespace of its own now: whatever it does to files, the
// host's permissions of its user decide, and owners that are not known look like the overflow ids
// (user_namespaces(7), "Unmapped user and group IDs").
enum class KnownUsers {
  all,
  some,  // the caller as root, and his subordinate ids
  one,   // the caller, with one uid and one gid
};

struct Rights {
  KnownUsers users = KnownUsers::all;
};

// Gives this process what it takes to make namespaces and mounts (CAP_SYS_ADMIN), or says why it cannot be had.  Root
// has it; others get a user namespace and a mount namespace, whoever they are there.  Before there are other threads,
// and before descriptors of directories are opened, which would belong to the old mount namespace.  Harmless twice.
Outcome<Rights> acquire_rights(OwnId own_id = OwnId::same);

}  // namespace fusebox::box
