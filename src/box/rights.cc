#include "box/rights.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "box/capabilities.h"
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

Outcome<> enter_user_namespace(OwnId own_id) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return std::unexpected(fault_with_errno("make a box without root, in a user namespace", kRemedy));
  }
  // One's own ids may be mapped without any right once setgroups(2) is given up (user_namespaces(7)).
  const bool as_root = own_id == OwnId::root;
  if (!write_file("/proc/self/setgroups", "deny") ||
      !write_file("/proc/self/uid_map", one_id(as_root ? 0 : uid, uid)) ||
      !write_file("/proc/self/gid_map", one_id(as_root ? 0 : gid, gid))) {
    return std::unexpected(fault_with_errno("map the user into the box", kRemedy));
  }
  return {};
}

}  // namespace

Outcome<Rights> acquire_rights(OwnId own_id) {
  if (has_capability(CAP_SYS_ADMIN)) return Rights{};
  if (auto entered = enter_user_namespace(own_id); !entered) return std::unexpected(entered.error());
  // The namespace's own power over the user's files is nothing that the user has outside: a file of mode 000 stays
  // closed to its owner.  Who asked to be root there wants just that.
  if (own_id == OwnId::same) {
    if (auto dropped = drop_file_capabilities(); !dropped) return std::unexpected(dropped.error());
  }
  return Rights{.of_one_user = true};
}

}  // namespace fusebox::box
