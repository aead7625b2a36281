#include "box/rights.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "box/capabilities.h"
#include "box/subordinate_ids.h"
#include "fusebox/fd.h"

namespace fusebox::box {
namespace {

constexpr const char* kRemedy = "run as root; `fusebox doctor` says more";

bool write_file(const char* path, const std::string& text) {
  const Fd file(open(path, O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string one_id(unsigned inside, unsigned outside) {
  return std::to_string(inside) + " " + std::to_string(outside) + " 1\n";
}

Outcome<> enter_namespace_of_one(OwnId own_id) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return std::unexpected(fault_with_errno("make a box without root, in a user namespace", kRemedy));
  }
  // One's own ids may be mapped without any right once setgroups(2) is given up (user_namespaces(7)).
  const bool as_root = own_id != OwnId::same;
  if (!write_file("/proc/self/setgroups", "deny") ||
      !write_file("/proc/self/uid_map", one_id(as_root ? 0 : uid, uid)) ||
      !write_file("/proc/self/gid_map", one_id(as_root ? 0 : gid, gid))) {
    return std::unexpected(fault_with_errno("map the user into the box", kRemedy));
  }
  return {};
}

Outcome<> enter(const Fd& user_namespace) {
  if (setns(user_namespace.get(), CLONE_NEWUSER) == 0 && unshare(CLONE_NEWNS) == 0) return {};
  return std::unexpected(fault_with_errno("make a box without root, in a user namespace", kRemedy));
}

}  // namespace

Outcome<Rights> acquire_rights(OwnId own_id) {
  if (has_capability(CAP_SYS_ADMIN)) return Rights{};
  if (own_id == OwnId::root_of_others) {
    // Who cannot have them has a box without; `fusebox doctor` says why.
    if (const auto several = make_namespace_with_subordinate_ids()) {
      if (auto entered = enter(*several); !entered) return std::unexpected(entered.error());
      return Rights{.users = KnownUsers::some};
    }
  }
  if (auto entered = enter_namespace_of_one(own_id); !entered) return std::unexpected(entered.error());
  // The namespace's own power over the user's files is nothing that the user has outside: a file of mode 000 stays
  // closed to its owner.  Who asked to be root there wants just that.
  if (own_id == OwnId::same) {
    if (auto dropped = drop_file_capabilities(); !dropped) return std::unexpected(dropped.error());
  }
  return Rights{.users = KnownUsers::one};
}

}  // namespace fusebox::box
