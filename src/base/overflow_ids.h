// The numbers by which a user namespace calls whatever owners it does not know (user_namespaces(7), "Unmapped user and
// group IDs").
#pragma once

#include <sys/types.h>

namespace fusebox {

struct OverflowIds {
  uid_t uid;
  gid_t gid;
};

// As the kernel is set; the usual ones where /proc does not tell.
OverflowIds overflow_ids();

}  // namespace fusebox
