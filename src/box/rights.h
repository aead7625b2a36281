// How a box gets the rights that it takes to make one.
#pragma once

#include "fusebox/fault.h"

namespace fusebox::box {

// Who a user without rights is in the box.
enum class OwnId { same, root };

struct Rights {
  // True: the process is in a user namespace of its own now, which knows one uid and one gid, the caller's.  Whatever
  // it does to files, the host's permissions of that user decide; all other owners look like the overflow ids
  // (user_namespaces(7), "Unmapped user and group IDs").
  bool of_one_user = false;
};

// Gives this process what it takes to make namespaces and mounts (CAP_SYS_ADMIN), or says why it cannot be had.  Root
// has it; others get a user namespace and a mount namespace, whoever they are there.  Before there are other threads,
// and before descriptors of directories are opened, which would belong to the old mount namespace.  Harmless twice.
Outcome<Rights> acquire_rights(OwnId own_id = OwnId::same);

}  // namespace fusebox::box
