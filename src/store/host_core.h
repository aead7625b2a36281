// What the nodes of one store share (store layer).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/overflow_ids.h"
#include "fusebox/fd.h"
#include "store/backing_ids.h"
#include "store/credentials.h"
#include "store/descriptor_cache.h"
#include "store/host_store.h"
#include "store/inode_numbers.h"
#include "store/lock_table.h"
#include "store/mount_points.h"
#include "store/mounts.h"
#include "store/node_table.h"
#include "store/outside_watch.h"

namespace fusebox {

// A directory shown in place of the name `name` of the node `parent`.
struct GraftPoint {
  Identity parent;
  std::string name;
  Ref<HostNode> root;
};

// What a user namespace shows of owners that it does not know.
struct OwnIds {
  OwnIds();
  // To the kernel an overflow id is no id at all, and it lets nobody write what belongs to one (fs/namei.c,
  // inode_permission): it would refuse before we hear of it, and where the host would not.
  void replace_foreign(Attr& shown) const;

  uid_t uid;
  gid_t gid;
  OverflowIds foreign;
};

struct HostCore {
  HostCore(HostStoreOptions given, Fd proc, Fd proc_fds, Fd mountinfo);

  // openat(2), close-on-exec; where descriptors have run out, after taking some back.
  Result<Fd> open(int directory, const char* name, int flags, mode_t mode = 0);

  // Opens again what `fd` refers to, with other flags; for an O_PATH descriptor, too.
  Result<Fd> reopen(int fd, int flags);

  Validity entry_validity;
  Validity attr_validity;
  Validity negative_validity;
  Backing* backing;         // may be null
  OutsideObjects* outside;  // may be null
  const DeviceNodes device_nodes;
  const KnownUsers users;
  const std::optional<OwnIds> own_ids;  // in a user namespace
  bool has_one_user() const { return users == KnownUsers::one; }
  // With one user: until when the kernel may walk through directories that were closed (chmod) since it was last told.
  std::atomic<std::int64_t> closed_until{0};
  std::atomic<bool> may_pass_through;  // false: none, or the kernel said that it never will
  CallerGroups groups;
  Fd proc_fds;  // /proc/self/fd: the only way to open an own descriptor again
  std::shared_ptr<InodeNumbers> shared_numbers;
  InodeNumbers& numbers = *shared_numbers;
  Mounts mounts{numbers};
  MountPoints mount_points;
  DescriptorCache descriptors;
  BackingIds backing_ids;
  NodeTable nodes;
  LockTable locks;
  MadeInside made_inside;
  std::mutex moving_directories;  // see HostNode::located
  std::vector<GraftPoint> grafts;
};

// The name of a descriptor in /proc/self/fd.
class DescriptorName {
 public:
  explicit DescriptorName(int fd);
  const char* c_str() const { return text_; }

 private:
  char text_[16];
};

}  // namespace fusebox
