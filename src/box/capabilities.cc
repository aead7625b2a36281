#include "box/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace fusebox::box {
namespace {

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

// An allow-list: what a future kernel adds is dropped until somebody thinks about it. See capabilities(7).
constexpr std::uint64_t kKept =
    // What installing files as root is made of. The guard judges each use, whoever asks.
    bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_SETFCAP) |
    // Builds become other users (portage, apt's _apt). No user outside can be signalled or traced: own pid namespace.
    bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_KILL) |
    // Only takes away: drops bounding bits, sets securebits.
    bit(CAP_SETPCAP) |
    // Image builders chroot. It is no way out: the old root is detached, not hidden, and no descriptor leads to it.
    bit(CAP_SYS_CHROOT) |
    // Test suites lock memory (gnupg) and share it in their own IPC namespace.
    bit(CAP_IPC_LOCK) | bit(CAP_IPC_OWNER) |
    // Test suites listen on low ports. Raw sockets are not here: on the host's network they read and forge others'
    // packets.
    bit(CAP_NET_BIND_SERVICE);

// Some of the absent, since people will ask:
//   SYS_ADMIN         mounts, namespaces, and a long tail of holes.
//   SYS_PTRACE        strace and gdb of one's own processes work without; with it, pid 1's memory could be written.
//   DAC_READ_SEARCH   open_by_handle_at(2) reaches any inode of a file system, past every rule.
//   MKNOD             a device node of the disk is the disk. FIFOs and sockets need no capability.
//                     (Kept on request, by a box in which no node is a device and no change reaches the host.)
//   NET_ADMIN, NET_RAW, SYS_NICE, SYS_RESOURCE, SYS_TIME, SYSLOG, LINUX_IMMUTABLE: act on the host, not on the box.

constexpr std::uint64_t kept_with(DeviceNodes device_nodes) {
  return device_nodes == DeviceNodes::made ? kKept | bit(CAP_MKNOD) : kKept;
}

constexpr std::uint64_t kOverFiles = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) |
                                     bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_SETFCAP) | bit(CAP_MKNOD);

Outcome<> keep_at_most(std::uint64_t kept) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return std::unexpected(fault_with_errno("read capabilities"));
  for (std::size_t word = 0; word < sets.size(); ++word) {
    const auto part = static_cast<std::uint32_t>(kept >> (32 * word));
    sets[word].permitted &= part;
    sets[word].effective &= part;
    sets[word].inheritable &= part;
  }
  if (syscall(SYS_capset, &header, sets.data()) != 0) return std::unexpected(fault_with_errno("drop capabilities"));
  return {};
}

}  // namespace

Outcome<> drop_file_capabilities() { return keep_at_most(~kOverFiles); }

Outcome<> drop_capabilities(DeviceNodes device_nodes) {
  const std::uint64_t kept = kept_with(device_nodes);
  for (int capability = 0; capability < 64; ++capability) {
    if ((kept & bit(capability)) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // past the kernel's last one
    return std::unexpected(fault_with_errno("drop capabilities"));
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return std::unexpected(fault_with_errno("clear ambient capabilities"));
  }
  return keep_at_most(kept);
}

std::uint64_t bounding_capabilities() {
  std::uint64_t bounding = 0;
  for (int capability = 0; capability < 64; ++capability) {
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) bounding |= bit(capability);
  }
  return bounding;
}

std::uint64_t capabilities_of_command(bool mapped_to_root, DeviceNodes device_nodes) {
  if (geteuid() != 0) return mapped_to_root ? kept_with(device_nodes) : 0;
  return bounding_capabilities() & kept_with(device_nodes);
}

bool has_capability(int capability) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return false;
  const auto word = static_cast<std::size_t>(capability) / 32;
  return word < sets.size() && (sets[word].effective & (1U << (capability % 32))) != 0;
}

}  // namespace fusebox::box
