// /proc of the box: its own pid namespace, and nothing that acts on the kernel or reads its memory.
#include <fcntl.h>
#include <sys/mount.h>

#include <array>

#include "box/mount_tools.h"
#include "box/root.h"

namespace fusebox::box {
namespace {

// Root may write these, and they act on the whole machine (proc(5)).
constexpr std::array kReadOnly = {
    "sys", "sysrq-trigger", "irq", "bus", "fs", "driver", "dynamic_debug", "mtrr", "tty", "device-tree",
};

// Root may read these, and they show the kernel's memory, its log, or what others do.
constexpr std::array kHiddenFiles = {
    "kcore",       "kmsg",        "keys",          "key-users",    "kallsyms", "kpagecount",
    "kpageflags",  "kpagecgroup", "vmcore",        "vmallocinfo",  "slabinfo", "timer_list",
    "timer_stats", "sched_debug", "latency_stats", "pagetypeinfo", "iomem",    "ioports",
};
constexpr std::array kHiddenDirectories = {"acpi", "scsi", "asound"};

// Not there on this kernel, or a link elsewhere: nothing to protect.
Result<Fd> optional_entry(const Fd& proc, const char* name) { return open_beneath(proc.get(), name); }

Result<> make_read_only(const Fd& target) {
  auto copy = clone_mount(target.get(), "", Extent::one_mount);
  if (!copy) return fail(copy.error());
  auto restricted = restrict_mount(*copy, MOUNT_ATTR_RDONLY, Extent::one_mount);
  return restricted ? attach(*copy, target) : restricted;
}

Result<> cover(const Fd& mask, const Fd& target) {
  auto copy = clone_mount(mask.get(), "", Extent::one_mount);
  return copy ? attach(*copy, target) : fail(copy.error());
}

Result<> cover_files(const Fd& proc) {
  // Reads as empty, and takes what is written; the node itself is the host's, and not to be changed by chmod(2).
  auto null = clone_mount(AT_FDCWD, "/dev/null", Extent::one_mount);
  if (!null) return fail(null.error());
  if (auto restricted = restrict_mount(*null, MOUNT_ATTR_RDONLY, Extent::one_mount); !restricted) return restricted;
  for (const char* name : kHiddenFiles) {
    const auto target = optional_entry(proc, name);
    if (!target) continue;
    if (auto covered = cover(*null, *target); !covered) return covered;
  }
  return {};
}

Result<> cover_directories(const Fd& proc) {
  Result<Fd> empty = fail(Errno::no_entry);
  for (const char* name : kHiddenDirectories) {
    const auto target = optional_entry(proc, name);
    if (!target) continue;
    if (!empty) empty = new_mount("tmpfs", {{"size", "4k"}, {"mode", "555"}}, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
    if (!empty) return fail(empty.error());
    if (auto covered = cover(*empty, *target); !covered) return covered;
  }
  return {};
}

Result<> protect(const Fd& proc) {
  for (const char* name : kReadOnly) {
    const auto target = optional_entry(proc, name);
    if (!target) continue;
    if (auto made = make_read_only(*target); !made) return made;
  }
  if (auto covered = cover_files(proc); !covered) return covered;
  return cover_directories(proc);
}

}  // namespace

Outcome<> mount_proc(const Fd& root) {
  const auto target = open_beneath(root.get(), "proc");
  if (!target) return {};
  const auto failed = [](Errno error) { return std::unexpected(fault_of_errno("mount /proc in the box", error)); };
  auto proc = new_mount("proc", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (!proc) return failed(proc.error());
  if (auto attached = attach(*proc, *target); !attached) return failed(attached.error());
  if (auto done = protect(*proc); !done) return failed(done.error());
  return {};
}

}  // namespace fusebox::box
