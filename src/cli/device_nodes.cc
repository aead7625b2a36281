#include "cli/device_nodes.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "box/capabilities.h"

namespace fusebox::cli {
namespace {

constexpr const char* kOption = "--device-nodes";

Fault not_permitted() {
  return {.what = kOption,
          .why = "only the machine's root may make device nodes, and in a user namespace nobody may",
          .remedy = "run it as root"};
}

}  // namespace

Outcome<> check_device_nodes(bool keeps_all) {
  if (!keeps_all) {
    return std::unexpected(Fault{.what = kOption,
                                 .why = "goes with --cow alone: made on the host, a device node is a device",
                                 .remedy = "add --cow",
                                 .code = ExitCode::usage});
  }
  if (::geteuid() != 0 || !box::has_capability(CAP_MKNOD)) return std::unexpected(not_permitted());
  return {};
}

Outcome<> check_place_of_device_nodes(const Fd& box, const std::string& path) {
  struct stat status{};
  if (::fstat(box.get(), &status) != 0) return std::unexpected(fault_with_errno(path));
  if (status.st_uid != ::geteuid() || (status.st_mode & 077) != 0) {
    return std::unexpected(Fault{.what = kOption,
                                 .why = fmt::format("others may enter {} (mode {:03o}), and a node there is a device",
                                                    path, status.st_mode & 07777),
                                 .remedy = fmt::format("chown 0 {0}; chmod 700 {0}", path)});
  }
  // /dev/null's number.  CAP_MKNOD counts in no user namespace, even for its root.
  constexpr const char* kTried = "device-node";
  if (::mknodat(box.get(), kTried, S_IFCHR, makedev(1, 3)) != 0) {
    if (errno == EPERM) return std::unexpected(not_permitted());
    return std::unexpected(fault_with_errno(fmt::format("{}: make one in {}", kOption, path)));
  }
  ::unlinkat(box.get(), kTried, 0);
  return {};
}

}  // namespace fusebox::cli
