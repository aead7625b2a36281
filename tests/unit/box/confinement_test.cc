// What a boxed command must not be able to do, and what it must not see.
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/box/box_fixture.h"

namespace fusebox::box {
namespace {

// Runs Python 3 in the box, with `call(number, *arguments)` that gives the errno of a raw system call, or 0.
std::string python(const std::string& script) {
  const std::string prelude =
      "import ctypes, errno, os, sys\n"
      "libc = ctypes.CDLL(None, use_errno=True)\n"
      "libc.syscall.restype = ctypes.c_long\n"
      "def call(number, *arguments):\n"
      "  done = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in "
      "arguments])\n"
      "  return errno.errorcode[ctypes.get_errno()] if done < 0 else 'done'\n";
  const Told told = run_box({.command = {"/usr/bin/python3", "-c", prelude + script}, .directory = "/"});
  EXPECT_EQ(told.fault, "");
  EXPECT_EQ(told.code, 0) << told.output;
  return told.output;
}

TEST(Confinement, TheCommandCanGainNoPrivileges) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(output_of("grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status"), "NoNewPrivs:\t1\nSeccomp:\t2");
}

TEST(Confinement, OnlyTheListedCapabilitiesAreLeft) {
  SKIP_WITHOUT_ROOT();
  // chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, ipc_lock, ipc_owner,
  // sys_chroot, setfcap
  EXPECT_EQ(output_of("grep -E '^Cap(Prm|Eff|Bnd|Amb):' /proc/self/status"),
            "CapPrm:\t000000008004c5fb\nCapEff:\t000000008004c5fb\nCapBnd:\t000000008004c5fb\n"
            "CapAmb:\t0000000000000000");
}

TEST(Confinement, TheRightToMakeDeviceNodesIsKeptOnRequest) {
  SKIP_WITHOUT_ROOT();
  if (!has_capability(CAP_MKNOD)) GTEST_SKIP() << "needs CAP_MKNOD";
  Plan plan = shell(
      "grep CapEff /proc/self/status; cd /dev/shm && mknod d c 1 3 && stat -c '%t %T' d; (: < d) 2>/dev/null || echo "
      "no");
  plan.device_nodes = DeviceNodes::made;
  EXPECT_EQ(run_box(plan).output, "CapEff:\t000000008804c5fb\n1 3\nno\n");
}

TEST(Confinement, TheCommandIsAChildOfProcessOneAndSeesNoOther) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(output_of("cat /proc/1/comm; echo $$ $PPID; ls /proc | grep -c '^[0-9]'"), "fusebox-init\n2 1\n4");
}

TEST(Confinement, ProcessOneCannotBeKilledTracedOrRead) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(output_of("kill -9 1; kill -TERM 1; kill -STOP 1; sleep 0.2; cat /proc/1/comm"), "fusebox-init");
  EXPECT_EQ(python("print(call(101, 16, 1, 0, 0))"), "EPERM\n");  // ptrace(PTRACE_ATTACH)
  const char* script =
      "for name in ('root', 'cwd', 'exe', 'fd/0', 'fd/3', 'mem', 'environ', 'maps', 'ns/mnt'):\n"
      "  path = '/proc/1/' + name\n"
      "  for act in (os.listdir, os.readlink, lambda p: open(p, 'rb').read(1)):\n"
      "    try: print(name, act(path))\n"
      "    except OSError: pass\n";
  EXPECT_EQ(python(script), "");
}

TEST(Confinement, AKillOfTheOwnProcessGroupDoesNotReachTheSupervisor) {
  SKIP_WITHOUT_ROOT();
  const Told told = run_box({.command = {"/usr/bin/python3", "-c", "import os; os.kill(0, 9)"}, .directory = "/"});
  EXPECT_EQ(told.fault, "");
  EXPECT_EQ(told.code, 137);
}

TEST(Confinement, TheOldRootIsOutOfReach) {
  SKIP_WITHOUT_ROOT();
  // A mount of the box's own root shows what is the box's: its /dev has no disk, the host's has something more.
  EXPECT_EQ(output_of("ls -di / /.. /../.. /proc/self/root/ | awk '{print $1}' | uniq | wc -l"), "1");
  EXPECT_EQ(output_of("ls /../dev | grep -cE '^(vda|sda|kmsg|mem|fuse|kvm|loop0)$' || true"), "0");
  EXPECT_EQ(output_of("mkdir -p /tmp/fusebox-chroot-$$ && d=/tmp/fusebox-chroot-$$ && python3 -c \"import os; "
                      "os.chroot('$d'); [os.chdir('..') for i in range(64)]; os.chroot('.'); "
                      "print(os.path.exists('/dev/fuse'))\"; rmdir $d"),
            "False");
  EXPECT_EQ(output_of("awk '$5 == \"/\"' /proc/self/mountinfo | wc -l"), "1");
}

TEST(Confinement, MountsAndNamespacesAreRefused) {
  SKIP_WITHOUT_ROOT();
  const struct {
    const char* name;
    long number;
  } calls[] = {{"mount", SYS_mount},
               {"umount2", SYS_umount2},
               {"pivot_root", SYS_pivot_root},
               {"move_mount", SYS_move_mount},
               {"open_tree", SYS_open_tree},
               {"open_tree_attr", 467},
               {"fsopen", SYS_fsopen},
               {"fsmount", SYS_fsmount},
               {"mount_setattr", SYS_mount_setattr},
               {"setns", SYS_setns},
               {"open_by_handle_at", SYS_open_by_handle_at},
               {"bpf", SYS_bpf},
               {"perf_event_open", SYS_perf_event_open},
               {"kexec_load", SYS_kexec_load},
               {"init_module", SYS_init_module},
               {"delete_module", SYS_delete_module},
               {"reboot", SYS_reboot},
               {"swapon", SYS_swapon},
               {"clock_settime", SYS_clock_settime},
               {"keyctl", SYS_keyctl},
               {"userfaultfd", SYS_userfaultfd},
               {"syslog", SYS_syslog},
               {"acct", SYS_acct}};
  std::string script;
  std::string expected;
  for (const auto& [name, number] : calls) {
    script += "print('" + std::string(name) + "', call(" + std::to_string(number) + ", 0, 0, 0, 0, 0))\n";
    expected += std::string(name) + " EPERM\n";
  }
  EXPECT_EQ(python(script), expected);
}

TEST(Confinement, EachNewNamespaceIsRefusedWhicheverWay) {
  SKIP_WITHOUT_ROOT();
  const char* script =
      "flags = [0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]\n"
      "print({call(272, f) for f in flags + [0x80]}, {call(56, f | 17, 0, 0, 0, 0) for f in flags})\n"
      "print(call(435, ctypes.create_string_buffer(88), 88))\n";
  EXPECT_EQ(python(script), "{'EPERM'} {'EPERM'}\nENOSYS\n");
  EXPECT_EQ(run_box({.command = {"unshare", "--user", "true"}, .directory = "/"}).code, 1);
}

// Where a kernel has no calls of i386, whoever makes one dies of it.
bool has_int80() {
#if defined(__x86_64__)
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGSEGV, SIG_DFL);  // as address sanitizer does not have it
    long number = 20;            // getpid
    asm volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
    ::_exit(0);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status);
#else
  return false;
#endif
}

TEST(Confinement, CallsOfI386AreNoWayAround) {
  SKIP_WITHOUT_ROOT();
  if (!has_int80()) GTEST_SKIP() << "no 32-bit system calls of x86 here";
  // mov eax, NUMBER; xor ebx, ebx; int 0x80; ret: i386 calls from a 64-bit program.
  const char* script =
      "import mmap\n"
      "def int80(number, first=0):\n"
      "  code = b'\\x53\\xb8' + number.to_bytes(4, 'little') + b'\\xbb' + first.to_bytes(4, 'little') + "
      "b'\\x31\\xc9\\x31\\xd2\\x31\\xf6\\x31\\xff\\xcd\\x80\\x5b\\xc3'\n"
      "  page = mmap.mmap(-1, 4096, prot=7)\n"
      "  page.write(code)\n"
      "  function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))\n"
      "  done = function()\n"
      "  return errno.errorcode[-done] if -4096 < done < 0 else 'done'\n"
      "print(int80(20))\n"  // getpid
      "print(int80(21), int80(52), int80(346), int80(310, 0x10000000), int80(435), int80(467), int80(342))\n";
  // mount, umount2, setns, unshare, clone3, open_tree_attr, open_by_handle_at
  EXPECT_EQ(python(script), "done\nEPERM EPERM EPERM EPERM ENOSYS EPERM EPERM\n");
}

TEST(Confinement, CallsOfX32AreNoWayAround) {
  SKIP_WITHOUT_ROOT();
  // mount, unshare, setns: filtered, or unknown to a kernel without x32.
  const char* script = "print({call(0x40000000 + n, 0) for n in (165, 272, 308)} <= {'EPERM', 'ENOSYS'})\n";
  EXPECT_EQ(python(script), "True\n");
}

TEST(Confinement, NothingCanBeTypedIntoTheUsersTerminal) {
  SKIP_WITHOUT_ROOT();
  const char* script =
      "import fcntl, pty\n"
      "master, slave = pty.openpty()\n"
      "for command in (0x5412, 0x541c, 0x100005412):\n"
      "  print(call(16, slave, command, ctypes.c_char_p(b'x')))\n";
  EXPECT_EQ(python(script), "EPERM\nEPERM\nEPERM\n");
}

TEST(Confinement, DevicesCannotBeMadeButFifosCan) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(output_of("cd /dev/shm; mknod d c 1 3 2>/dev/null && echo made; mkfifo f && stat -c %F f"), "fifo");
}

TEST(Confinement, DevHoldsTheHarmlessDevicesOnly) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(output_of("ls /dev | grep -v mqueue | tr '\\n' ' '"),
            "core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ");
  EXPECT_EQ(output_of("echo x > /dev/null; head -c 3 /dev/zero | od -An -tx1; head -c 16 /dev/urandom | wc -c; "
                      "ls /dev/pts; stat -c %a /dev/shm"),
            " 00 00 00\n16\nptmx\n1777");
}

TEST(Confinement, PseudoterminalsAreTheBoxsOwn) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(python("import pty\nm, s = pty.openpty()\nprint(os.ttyname(s))"), "/dev/pts/0\n");
}

TEST(Confinement, TheHostsDevicesCannotBeChanged) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(python("for name in ('null', 'zero', 'full', 'random', 'urandom', 'tty'):\n"
                   "  path = '/dev/' + name\n"
                   "  print(call(90, ctypes.c_char_p(path.encode()), os.stat(path).st_mode & 0o7777))\n"),
            "EROFS\nEROFS\nEROFS\nEROFS\nEROFS\nEROFS\n");
  // The standard input is the host's /dev/null.
  EXPECT_EQ(python("print(call(91, 0, os.fstat(0).st_mode & 0o7777), os.read(0, 1))\n"), "EROFS b''\n");
}

TEST(Confinement, SysIsReadOnlyAndHoldsNoControls) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(output_of("for f in $(find /sys/kernel /sys/power /sys/fs/cgroup -maxdepth 2 -type f -perm -200); do "
                      "(: >> $f) 2>/dev/null && echo $f; done; mkdir /sys/fs/cgroup/*/x 2>/dev/null; true"),
            "");
  EXPECT_EQ(output_of("ls /sys/fs/fuse/connections /sys/kernel/debug /sys/kernel/tracing /sys/firmware 2>/dev/null | "
                      "grep -v : | grep -c ."
                      " || true"),
            "0");
  EXPECT_EQ(output_of("test -d /sys/devices/system/cpu/cpu0 && echo there"), "there");
}

TEST(Confinement, ProcCannotBeUsedAgainstTheHost) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(output_of("for f in sys/kernel/hostname sys/vm/drop_caches sysrq-trigger; do "
                      "(: >> /proc/$f) 2>/dev/null && echo $f; done; true"),
            "");
  EXPECT_EQ(output_of("cat /proc/kcore /proc/kmsg /proc/keys /proc/timer_list /proc/kallsyms 2>/dev/null | wc -c"),
            "0");
  EXPECT_EQ(output_of("stat -f -c %T /proc; readlink /proc/self | grep -c ."), "proc\n1");
}

TEST(Confinement, DeviceNodesOfTheRootAreNoDevices) {
  SKIP_WITHOUT_ROOT();
  EXPECT_EQ(output_of("awk '$5 == \"/\" {print $6}' /proc/self/mountinfo | grep nosuid | grep -c nodev"), "1");
}

TEST(Confinement, WithoutNetworkThereIsOnlyLoopback) {
  SKIP_WITHOUT_ROOT();
  Plan plan = shell(
      "ls /sys/class/net; cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '; python3 -c \"\n"
      "import socket, errno\n"
      "server = socket.create_server(('127.0.0.1', 0))\n"
      "socket.create_connection(server.getsockname()); print('connected')\n"
      "try: socket.socket(40, socket.SOCK_STREAM)\n"
      "except OSError as e: print(errno.errorcode[e.errno])\"");
  plan.network = Network::none;
  EXPECT_EQ(run_box(plan).output, "lo\nlo\nconnected\nEPERM\n");
}

TEST(Confinement, TheHostsNetworkIsThereUnlessRefused) {
  SKIP_WITHOUT_ROOT();
  std::array<char, 64> here{};
  ASSERT_GT(readlink("/proc/self/ns/net", here.data(), here.size() - 1), 0);
  EXPECT_EQ(output_of("readlink /proc/self/ns/net"), here.data());
}

TEST(Confinement, SharedMemoryAndHostNameAreTheBoxsOwn) {
  SKIP_WITHOUT_ROOT();
  std::array<char, 256> name{};
  gethostname(name.data(), name.size());
  EXPECT_EQ(output_of("uname -n; ls /dev/shm | wc -l; for n in ipc uts mnt pid; do readlink /proc/self/ns/$n; done | "
                      "sort -u | wc -l"),
            std::string(name.data()) + "\n0\n4");
}

}  // namespace
}  // namespace fusebox::box
