// Makes a FUSE mount with the kernel's mount API (fsopen(2), Linux 5.2): first detached, then, if wanted, attached.
#pragma once

#include <string>

#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::door {

// A connection and the mount that it serves.  Requests come from `device` at once.
struct DetachedMount {
  Fd device;  // /dev/fuse; cloning it gives more queues
  Fd mount;   // of fsmount(2): no namespace shows it until it is attached
};

struct MountOptions {
  std::string source = "fusebox";   // what mountinfo shows as the source
  std::string subtype = "fusebox";  // and as the type, behind "fuse."
  bool default_permissions = true;  // the kernel checks mode bits (and ACLs) with our attributes
  bool allow_other = true;          // other users than this process's
  bool read_only = false;
};

// Needs CAP_SYS_ADMIN.  The mount allows neither devices nor set-id programs.
Outcome<DetachedMount> create_detached_mount(const MountOptions& options);

// Attaches a detached mount on the directory `path`, in the caller's mount namespace; keeps no descriptor of it, which
// would keep the connection alive beyond an unmount.
Outcome<> attach(Fd mount, const std::string& path);

}  // namespace fusebox::door
