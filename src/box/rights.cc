#include "box/rights.h"

#include <linux/capability.h>

#include "box/capabilities.h"

namespace fusebox::box {

Outcome<> acquire_rights() {
  if (has_capability(CAP_SYS_ADMIN)) return {};
  return std::unexpected(Fault{.what = "make a box",
                               .why = "no right to make namespaces and mounts (CAP_SYS_ADMIN)",
                               .remedy = "run as root; `fusebox doctor` says more"});
}

}  // namespace fusebox::box
