#include "box/seccomp_floor.h"

#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <initializer_list>

#include "seccomp/filter.h"

namespace fusebox::box {
namespace {

constexpr const char* kBuild = "build the system call filter";

// Refused with EPERM, whatever the arguments.
constexpr std::array kRefused = {
    // The tree the box sees is made before the command starts, and never changes from inside.
    SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(move_mount),
    SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsmount), SCMP_SYS(fsconfig), SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr), SCMP_SYS(setns),
    // Reaches an inode without a path, so past every rule.
    SCMP_SYS(open_by_handle_at),
    // The machine belongs to the host.
    SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(init_module), SCMP_SYS(finit_module),
    SCMP_SYS(delete_module), SCMP_SYS(create_module), SCMP_SYS(query_module), SCMP_SYS(get_kernel_syms),
    SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(quotactl), SCMP_SYS(quotactl_fd), SCMP_SYS(acct),
    SCMP_SYS(nfsservctl), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(vhangup), SCMP_SYS(_sysctl), SCMP_SYS(uselib),
    // The clock. Reading it by adjtimex(2) is allowed: only CAP_SYS_TIME, which the box has not, can set it so.
    SCMP_SYS(settimeofday), SCMP_SYS(stime), SCMP_SYS(clock_settime), SCMP_SYS(clock_settime64),
    // Looks into the kernel or into other users of it; most kernel exploits of the last years begin here.
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(syslog), SCMP_SYS(lookup_dcookie),
    // Keyrings know no namespace of ours: the caller's session keyring would be the box's.
    SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key)};

// Newer than Debian 12's libseccomp, refused by number: since Linux 5.1 all architectures number new calls alike
// (scripts/syscall.tbl; x32 sets bit 30).
static_assert(SYS_openat2 == 437);
constexpr std::array<std::uint32_t, 2> kRefusedByNumber = {
    467,  // open_tree_attr, 6.15
    470,  // listns, 6.19
};
constexpr std::uint32_t kX32Bit = 0x40000000;

// A new namespace is a new kernel surface, and with a user namespace come all capabilities. (CLONE_NEWTIME is a signal
// number to clone(2), and only a namespace to unshare(2).)
constexpr std::array<std::uint64_t, 7> kNamespaces = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                                      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

constexpr scmp_arg_cmp argument_has(unsigned argument, std::uint64_t bits) {
  return {argument, SCMP_CMP_MASKED_EQ, bits, bits};
}

// The kernel looks at 32 bits only, so the upper half must not make a difference (CVE-2023-28100).
constexpr scmp_arg_cmp argument_is(unsigned argument, std::uint32_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, 0xffffffff, value};
}

int refuse(scmp_filter_ctx filter, int call, std::initializer_list<scmp_arg_cmp> when = {}, int error = EPERM) {
  return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), call,
                                static_cast<unsigned>(when.size()), when.begin());
}

// What else a kernel of the native architecture runs.
std::vector<std::uint32_t> compatible_architectures() {
  switch (seccomp_arch_native()) {
    case SCMP_ARCH_X86_64:
      return {SCMP_ARCH_X86, SCMP_ARCH_X32};
    case SCMP_ARCH_AARCH64:
      return {SCMP_ARCH_ARM};
    default:
      return {};
  }
}

int add_architectures(scmp_filter_ctx filter) {
  for (const std::uint32_t architecture : compatible_architectures()) {
    if (const int code = seccomp_arch_add(filter, architecture); code != 0) return code;
  }
  return 0;
}

int refuse_namespaces(scmp_filter_ctx filter) {
  // Its flags lie behind a pointer, which a filter cannot follow. libc takes ENOSYS as an old kernel and uses clone.
  if (const int code = refuse(filter, SCMP_SYS(clone3), {}, ENOSYS); code != 0) return code;
#if defined(__s390x__)
  constexpr unsigned kCloneFlags = 1;
#else
  constexpr unsigned kCloneFlags = 0;
#endif
  for (const std::uint64_t flag : kNamespaces) {
    if (const int code = refuse(filter, SCMP_SYS(clone), {argument_has(kCloneFlags, flag)}); code != 0) return code;
    if (const int code = refuse(filter, SCMP_SYS(unshare), {argument_has(0, flag)}); code != 0) return code;
  }
  return refuse(filter, SCMP_SYS(unshare), {argument_has(0, CLONE_NEWTIME)});
}

// Both put words into the mouth of the user, to be read by the shell when the box is gone.
int refuse_terminal_input(scmp_filter_ctx filter) {
  if (const int code = refuse(filter, SCMP_SYS(ioctl), {argument_is(1, TIOCSTI)}); code != 0) return code;
  return refuse(filter, SCMP_SYS(ioctl), {argument_is(1, TIOCLINUX)});
}

// A network namespace does not hold AF_VSOCK: the hypervisor and its other guests would still be in reach.
int refuse_vsock(scmp_filter_ctx filter) {
  if (const int code = refuse(filter, SCMP_SYS(socket), {argument_is(0, AF_VSOCK)}); code != 0) return code;
  // i386's older door to socket(2) hides the family behind a pointer. libc has used the newer one since 2.23.
  constexpr std::uint32_t kSysSocket = 1;
  return refuse(filter, SCMP_SYS(socketcall), {argument_is(0, kSysSocket)});
}

int add_rules(scmp_filter_ctx filter, Network network) {
  if (const int code = add_architectures(filter); code != 0) return code;
  for (const int call : kRefused) {
    if (const int code = refuse(filter, call); code != 0) return code;
  }
  if (const int code = refuse_namespaces(filter); code != 0) return code;
  if (const int code = refuse_terminal_input(filter); code != 0) return code;
  return network == Network::none ? refuse_vsock(filter) : 0;
}

// The instructions that go before libseccomp's. Only loads of the number and constant jumps, so that the kernel can
// prove most calls harmless once and skip the filter for them (kernel/seccomp.c: seccomp_is_const_allow).
Filter refuse_by_number() {
  Filter filter;
  filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  filter.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~kX32Bit));
  for (const std::uint32_t number : kRefusedByNumber) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  }
  return filter;
}

}  // namespace

Outcome<Filter> seccomp_floor(Network network) {
  const seccomp::Context context(seccomp_init(SCMP_ACT_ALLOW));
  if (!context) return std::unexpected(seccomp::fault_of_libseccomp(kBuild, -ENOMEM));
  if (const int code = add_rules(context.get(), network); code != 0) {
    return std::unexpected(seccomp::fault_of_libseccomp(kBuild, code));
  }
  const auto compiled = seccomp::compile(context);
  if (!compiled) return std::unexpected(compiled.error());
  Filter filter = refuse_by_number();
  filter.insert(filter.end(), compiled->begin(), compiled->end());
  return filter;
}

Outcome<> apply_filter(const Filter& filter, bool is_logged) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return std::unexpected(fault_with_errno("set no_new_privs"));
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                           .filter = const_cast<sock_filter*>(filter.data())};
  // Kernels before 5.16 slow every filtered program down against speculative store bypass; the command is not the
  // filter's secret-keeping neighbour, so that buys nothing here.
  const unsigned long flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW | (is_logged ? SECCOMP_FILTER_FLAG_LOG : 0);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0) {
    return std::unexpected(fault_with_errno("install the system call filter", "needs CONFIG_SECCOMP_FILTER"));
  }
  return {};
}

}  // namespace fusebox::box
