#include "box/probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "box/box.h"
#include "box/capabilities.h"
#include "box/rights.h"
#include "box/subordinate_ids.h"
#include "fusebox/fd.h"

namespace fusebox::box {
namespace {

constexpr const char* kEnableUring = "/sys/module/fuse/parameters/enable_uring";

// The first word of a small file of /proc or /sys; empty where there is none.
std::string word_of(const std::string& path) {
  std::string word;
  std::ifstream(path) >> word;
  return word;
}

std::string errno_text() { return std::strerror(errno); }

struct Version {
  int major = 0;
  int minor = 0;
  auto operator<=>(const Version&) const = default;
};

Version kernel_version() {
  utsname name{};
  uname(&name);
  Version version;
  if (std::sscanf(name.release, "%d.%d", &version.major, &version.minor) != 2) return {};
  return version;
}

// The initial user namespace maps every id to itself.
bool in_initial_user_namespace() {
  unsigned long inside = 1;
  unsigned long outside = 1;
  unsigned long count = 0;
  std::ifstream("/proc/self/uid_map") >> inside >> outside >> count;
  return inside == 0 && outside == 0 && count == 4294967295;
}

Finding kernel() {
  utsname name{};
  uname(&name);
  Finding finding{.name = "kernel", .meaning = fmt::format("Linux {}", name.release), .remedy = {}, .required = true};
  const Version version = kernel_version();
  // mount_setattr(2) is the newest call that a box cannot do without.
  if (version < Version{5, 12}) {
    finding.offer = Offer::missing;
    finding.meaning += " is too old for the calls that make a box";
    finding.remedy = "use Linux 5.12 or later, best 6.9 or later";
  } else if (version < Version{6, 2}) {
    finding.offer = Offer::limited;
    finding.meaning += " has a FUSE without O_TMPFILE (6.2) and passthrough (6.9)";
    finding.remedy = "works; a later kernel is faster";
  }
  return finding;
}

Finding fuse_device() {
  Finding finding{.name = "/dev/fuse", .meaning = "can be opened", .remedy = {}, .required = true};
  const Fd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (device) return finding;
  const int error = errno;
  finding.offer = Offer::missing;
  finding.meaning = "cannot be opened: " + errno_text();
  finding.remedy = error == ENOENT || error == ENODEV || error == ENXIO
                       ? "modprobe fuse; in a container, pass the device in (--device /dev/fuse)"
                       : "let users open it (chmod 666 /dev/fuse; most distributions do), or run as root";
  return finding;
}

Finding rights() {
  Finding finding{.name = "rights", .meaning = "CAP_SYS_ADMIN", .remedy = {}, .required = true};
  if (!has_capability(CAP_SYS_ADMIN)) {
    finding.offer = Offer::missing;
    finding.meaning = "neither CAP_SYS_ADMIN nor a user namespace that gives it: no namespaces and mounts";
    finding.remedy = "run as root; in a container, --cap-add SYS_ADMIN";
  } else if (!in_initial_user_namespace()) {
    finding.offer = Offer::limited;
    finding.meaning = "in a user namespace: boxes without passthrough";
    finding.remedy = "works; run as the machine's root for full speed";
  }
  return finding;
}

Finding mount_interface() {
  Finding finding{.name = "mounts", .meaning = "detached FUSE and tmpfs mounts", .remedy = {}, .required = true};
  const Fd fuse(fsopen("fuse", FSOPEN_CLOEXEC));
  if (!fuse) {
    finding.offer = Offer::missing;
    finding.meaning = "a FUSE mount cannot be begun (fsopen): " + errno_text();
    finding.remedy = errno == ENODEV ? "modprobe fuse" : "run as root, and outside a container that forbids fsopen(2)";
  } else if (auto tmp = create_private_tmp(); !tmp) {
    finding.offer = Offer::missing;
    finding.meaning = tmp.error().what + ": " + tmp.error().why;
    finding.remedy = tmp.error().remedy;
  }
  return finding;
}

Finding namespaces() {
  Finding finding{.name = "namespaces", .meaning = "pid, mount, ipc, uts and net", .remedy = {}, .required = true};
  clone_args arguments{};
  arguments.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
  arguments.exit_signal = SIGCHLD;
  const auto child = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
  if (child == 0) _exit(0);
  if (child > 0) {
    waitpid(child, nullptr, 0);
    return finding;
  }
  finding.offer = Offer::missing;
  finding.meaning = "cannot be made: " + errno_text();
  finding.remedy = errno == ENOSPC ? "raise the sysctls user.max_*_namespaces" : "run as root, with clone3(2) allowed";
  return finding;
}

Finding root_mount() {
  Finding finding{.name = "pivot_root", .meaning = "the host's root can be left", .remedy = {}, .required = true};
  std::ifstream mounts("/proc/self/mountinfo");
  std::string type;
  for (std::string line; std::getline(mounts, line);) {
    // proc(5): ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS ... - TYPE SOURCE OPTIONS
    std::istringstream words(line);
    std::string id, parent, device, root, point;
    words >> id >> parent >> device >> root >> point;
    const auto separator = line.find(" - ");
    if (point != "/" || separator == std::string::npos) continue;
    std::istringstream(line.substr(separator + 3)) >> type;
  }
  if (type != "rootfs") return finding;
  finding.offer = Offer::missing;
  finding.meaning = "the host runs from its initramfs, which pivot_root(2) refuses to leave";
  finding.remedy = "boot from a real root file system, or switch_root to a tmpfs";
  return finding;
}

Finding seccomp() {
  Finding finding{.name = "seccomp", .meaning = "filters with errno", .remedy = {}, .required = true};
  const unsigned action = SECCOMP_RET_ERRNO;
  if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0) return finding;
  finding.offer = Offer::missing;
  finding.meaning = "no system call filters: " + errno_text();
  finding.remedy = "use a kernel with CONFIG_SECCOMP_FILTER";
  return finding;
}

Finding passthrough() {
  Finding finding{.name = "passthrough",
                  .meaning = "the kernel reads and writes files itself (judged by version and rights)",
                  .remedy = {}};
  if (kernel_version() < Version{6, 9}) {
    finding.offer = Offer::limited;
    finding.meaning = "not before Linux 6.9: file data is copied through Fusebox";
    finding.remedy = "works; a later kernel is faster";
  } else if (!has_capability(CAP_SYS_ADMIN) || !in_initial_user_namespace()) {
    finding.offer = Offer::limited;
    finding.meaning = "needs CAP_SYS_ADMIN outside any user namespace: file data is copied through Fusebox";
    finding.remedy = "run as the machine's root";
  }
  return finding;
}

Finding io_uring() {
  Finding finding{.name = "FUSE over io_uring", .meaning = "per-CPU queues for requests", .remedy = {}};
  const std::string enabled = word_of(kEnableUring);
  const std::string disabled = word_of("/proc/sys/kernel/io_uring_disabled");
  if (enabled.empty()) {
    finding.offer = Offer::missing;
    finding.meaning = "not in this kernel (6.14, CONFIG_FUSE_IO_URING), or the fuse module is not loaded";
    finding.remedy = "works by /dev/fuse; modprobe fuse, or use a later kernel";
  } else if (disabled == "2" || (disabled == "1" && geteuid() != 0)) {
    finding.offer = Offer::limited;
    finding.meaning = "io_uring is switched off: kernel.io_uring_disabled=" + disabled;
    finding.remedy = "works by /dev/fuse; sysctl kernel.io_uring_disabled=0";
  } else if (enabled != "Y") {
    finding.offer = Offer::limited;
    finding.meaning = "offered, but switched off: requests come by /dev/fuse, which is as fast for root";
    finding.remedy =
        "`fusebox doctor --fix` as root switches it on until the next boot; "
        "`options fuse enable_uring=Y` in /etc/modprobe.d for good";
  }
  return finding;
}

Finding idle_processors() {
  Finding finding{.name = "idle processors", .meaning = "kept awake while requests come fast", .remedy = {}};
  const std::string driver = word_of("/sys/devices/system/cpu/cpuidle/current_driver");
  if (driver.empty() || driver == "none") {
    finding.offer = Offer::limited;
    finding.meaning = "sleep between requests: no driver that can be asked not to";
    finding.remedy =
        "works, slower; a kernel with CONFIG_HALTPOLL_CPUIDLE on a virtual machine, intel_idle or acpi_idle else";
  } else if (access("/dev/cpu_dma_latency", W_OK) != 0) {
    finding.offer = Offer::limited;
    finding.meaning = "sleep between requests: /dev/cpu_dma_latency cannot be written: " + errno_text();
    finding.remedy =
        "works, slower; run as root, or let all ask for it, which costs power alone: chmod 666 /dev/cpu_dma_latency";
  }
  return finding;
}

Finding user_namespaces() {
  Finding finding{.name = "user namespaces", .meaning = "for boxes without root", .remedy = {}};
  const auto limited = [&](const char* meaning, const char* remedy) {
    finding.offer = Offer::limited;
    finding.meaning = meaning;
    finding.remedy = remedy;
    return finding;
  };
  const std::string most = word_of("/proc/sys/user/max_user_namespaces");
  if (most.empty()) return limited("not in this kernel: boxes need root", "use a kernel with CONFIG_USER_NS");
  if (most == "0") return limited("switched off: boxes need root", "sysctl user.max_user_namespaces=10000");
  if (word_of("/proc/sys/kernel/unprivileged_userns_clone") == "0") {
    return limited("for root only: boxes need root", "sysctl kernel.unprivileged_userns_clone=1");
  }
  if (word_of("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1") {
    return limited("without rights for programs that AppArmor has no profile of",
                   "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or add a profile");
  }
  return finding;
}

Finding subordinate_ids() {
  Finding finding{.name = "subordinate ids", .meaning = "--map-root gives the box further users", .remedy = {}};
  if (has_capability(CAP_SYS_ADMIN)) {
    finding.meaning = "not needed: the boxes of root know all users";
  } else if (const auto several = make_namespace_with_subordinate_ids(); !several) {
    finding.offer = Offer::limited;
    finding.meaning = "a box with --map-root knows one user: " + several.error().why;
    finding.remedy = several.error().remedy;
  }
  return finding;
}

Finding file_handles() {
  Finding finding{.name = "file handles", .meaning = "files can be reopened without their path", .remedy = {}};
  alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> buffer{};
  auto* handle = reinterpret_cast<file_handle*>(buffer.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  const Fd root(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root && name_to_handle_at(root.get(), "", handle, &mount, AT_EMPTY_PATH) == 0 &&
      Fd(open_by_handle_at(root.get(), handle, O_PATH | O_CLOEXEC))) {
    return finding;
  }
  finding.offer = Offer::limited;
  finding.meaning = "files are reopened by path (open_by_handle_at: " + errno_text() + ")";
  finding.remedy = "works, slower for very large trees; needs CAP_DAC_READ_SEARCH and a file system with handles";
  return finding;
}

Finding descriptors() {
  constexpr rlim_t kComfortable = 1024;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto shown = limit.rlim_max == RLIM_INFINITY ? std::string("unlimited") : fmt::format("{}", limit.rlim_max);
  Finding finding{.name = "descriptors", .meaning = shown + " at most", .remedy = {}};
  if (limit.rlim_max >= kComfortable) return finding;
  finding.offer = Offer::limited;
  finding.meaning += ": files are reopened more often";
  finding.remedy = "raise the hard limit (ulimit -Hn) to 1024 or more";
  return finding;
}

Finding cgroups() {
  Finding finding{.name = "cgroup", .meaning = "a box keeps the limits of its caller", .remedy = {}};
  if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) return finding;
  finding.offer = Offer::limited;
  finding.meaning += "; no unified hierarchy (version 2) at /sys/fs/cgroup";
  finding.remedy = "nothing to do: boxes do not need it";
  return finding;
}

}  // namespace

std::vector<Finding> probe_machine() {
  Finding own_namespace = user_namespaces();
  Finding further_users = subordinate_ids();
  // The others as a box would find them: whoever is not root makes one in a user namespace.
  if (own_namespace.offer == Offer::ok) (void)acquire_rights();
  return {kernel(),       fuse_device(), rights(),      mount_interface(), namespaces(),
          root_mount(),   seccomp(),     passthrough(), io_uring(),        idle_processors(),
          file_handles(), descriptors(), own_namespace, further_users,     cgroups()};
}

bool can_make_boxes(const std::vector<Finding>& findings) {
  return std::ranges::none_of(
      findings, [](const Finding& finding) { return finding.required && finding.offer == Offer::missing; });
}

Outcome<> enable_fuse_over_io_uring() {
  const Fd parameter(open(kEnableUring, O_WRONLY | O_CLOEXEC));
  if (!parameter || write(parameter.get(), "Y", 1) != 1) {
    return std::unexpected(
        fault_with_errno(std::string("write ") + kEnableUring,
                         errno == ENOENT ? "needs Linux 6.14 with CONFIG_FUSE_IO_URING" : "run as root"));
  }
  return {};
}

}  // namespace fusebox::box
