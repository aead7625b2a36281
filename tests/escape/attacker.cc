// A hostile program, linked statically: each of its ways tries one forbidden thing and says whether it was done.
//
//   attacker WAY [ARGUMENT...]
//
// Exit status 0: it was done. 10: it was refused; the errno is printed. 20: this kernel knows no such way.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <vector>

namespace {

using Arguments = std::vector<std::string>;

constexpr int kRefused = 10;
constexpr int kUnknown = 20;
constexpr const char kMark[] = "spoilt";

[[noreturn]] void unknown(const char* why) {
  std::printf("%s\n", why);
  std::exit(kUnknown);
}

// 0, or the errno.
int outcome(long result) { return result < 0 ? errno : 0; }

int spoil(int fd) {
  if (fd < 0) return errno;
  return outcome(write(fd, kMark, sizeof kMark - 1));
}

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string descriptor_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

// --- system calls that no libc wrapper makes ---

int by_open(const Arguments& a) {
  return spoil(static_cast<int>(syscall(SYS_openat, AT_FDCWD, a[0].c_str(), O_WRONLY)));
}

int by_openat2(const Arguments& a) {
  open_how how{.flags = O_WRONLY, .mode = 0, .resolve = 0};
  return spoil(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, a[0].c_str(), &how, sizeof how)));
}

#if defined(__x86_64__)
// Where a kernel has no calls of i386, whoever makes one dies of it.
bool has_int80() {
  const pid_t child = fork();
  if (child == 0) {
    long number = 20;  // getpid
    asm volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
    _exit(0);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
}
#endif

int by_int80(const Arguments& a) {
#if defined(__x86_64__)
  if (!has_int80()) unknown("no 32-bit system calls here");
  // i386 takes addresses of 32 bits only.
  void* low = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return errno;
  std::strncpy(static_cast<char*>(low), a[0].c_str(), 4095);
  constexpr long kOpen = 5;
  long result = kOpen;
  asm volatile("int $0x80"
               : "+a"(result)
               : "b"(low), "c"(static_cast<long>(O_WRONLY)), "d"(0L)
               : "memory", "r8", "r9", "r10", "r11");
  if (result == -ENOSYS) unknown("no 32-bit system calls here");
  if (result < 0) return static_cast<int>(-result);
  return spoil(static_cast<int>(result));
#else
  (void)a;
  unknown("x86-64 only");
#endif
}

int by_mapping(const Arguments& a) {
  const int fd = open(a[0].c_str(), O_RDONLY);
  if (fd < 0) return errno;
  void* memory = mmap(nullptr, sizeof kMark, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED && errno == EACCES) {
    // What was mapped to be read, made writable.
    memory = mmap(nullptr, sizeof kMark, PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return errno;
    if (mprotect(memory, sizeof kMark, PROT_READ | PROT_WRITE) != 0) {
      const int writing = open(a[0].c_str(), O_RDWR);
      if (writing < 0) return errno;
      memory = mmap(nullptr, sizeof kMark, PROT_READ | PROT_WRITE, MAP_SHARED, writing, 0);
    }
  }
  if (memory == MAP_FAILED) return errno;
  std::memcpy(memory, kMark, sizeof kMark - 1);
  return 0;
}

int by_rename_into_place(const Arguments& a) {
  const int fd = open("mine", O_WRONLY | O_CREAT, 0644);
  const int error = spoil(fd);
  if (error != 0) return error;
  return outcome(rename("mine", a[0].c_str()));
}

// --- io_uring, by its system calls ---

class Ring {
 public:
  Ring() {
    io_uring_params parameters{};
    fd_ = static_cast<int>(syscall(SYS_io_uring_setup, 4, &parameters));
    if (fd_ < 0) unknown(errno == ENOSYS ? "no io_uring in this kernel" : "io_uring is switched off");
    const std::size_t size = parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned);
    submit_ = map(size, IORING_OFF_SQ_RING);
    complete_ = map(parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    entries_ = reinterpret_cast<io_uring_sqe*>(map(parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    offsets_ = parameters;
  }

  // The result of one operation, or -errno.
  int perform(const io_uring_sqe& entry) {
    auto* tail = reinterpret_cast<std::atomic<unsigned>*>(submit_ + offsets_.sq_off.tail);
    const unsigned at = tail->load() & (offsets_.sq_entries - 1);
    entries_[at] = entry;
    reinterpret_cast<unsigned*>(submit_ + offsets_.sq_off.array)[at] = at;
    tail->store(tail->load() + 1);
    if (syscall(SYS_io_uring_enter, fd_, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) < 0) return -errno;
    auto* head = reinterpret_cast<std::atomic<unsigned>*>(complete_ + offsets_.cq_off.head);
    const auto* done = reinterpret_cast<io_uring_cqe*>(complete_ + offsets_.cq_off.cqes);
    const int result = done[head->load() & (offsets_.cq_entries - 1)].res;
    head->store(head->load() + 1);
    return result;
  }

  int open(const char* path, int flags) {
    io_uring_sqe entry{};
    entry.opcode = IORING_OP_OPENAT;
    entry.fd = AT_FDCWD;
    entry.addr = reinterpret_cast<std::uintptr_t>(path);
    entry.open_flags = static_cast<unsigned>(flags);
    entry.len = 0644;
    return perform(entry);
  }

  int write(int fd, const char* text, std::size_t length) {
    io_uring_sqe entry{};
    entry.opcode = IORING_OP_WRITE;
    entry.fd = fd;
    entry.addr = reinterpret_cast<std::uintptr_t>(text);
    entry.len = static_cast<unsigned>(length);
    return perform(entry);
  }

 private:
  char* map(std::size_t size, off_t what) const {
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, what);
    if (memory == MAP_FAILED) unknown("cannot map an io_uring");
    return static_cast<char*>(memory);
  }

  int fd_ = -1;
  char* submit_ = nullptr;
  char* complete_ = nullptr;
  io_uring_sqe* entries_ = nullptr;
  io_uring_params offsets_{};
};

int by_ring_write(const Arguments& a) {
  Ring ring;
  const int fd = ring.open(a[0].c_str(), O_WRONLY);
  if (fd < 0) return -fd;
  const int result = ring.write(fd, kMark, sizeof kMark - 1);
  return result < 0 ? -result : 0;
}

int by_ring_create(const Arguments& a) {
  Ring ring;
  const int fd = ring.open(a[0].c_str(), O_WRONLY | O_CREAT);
  return fd < 0 ? -fd : 0;
}

int by_ring_unlink(const Arguments& a) {
  Ring ring;
  io_uring_sqe entry{};
  entry.opcode = IORING_OP_UNLINKAT;
  entry.fd = AT_FDCWD;
  entry.addr = reinterpret_cast<std::uintptr_t>(a[0].c_str());
  const int result = ring.perform(entry);
  return result < 0 ? -result : 0;
}

// --- flags and descriptors ---

int by_truncating_open(const Arguments& a) { return outcome(open(a[0].c_str(), O_RDONLY | O_TRUNC)); }
int by_truncate(const Arguments& a) { return outcome(truncate(a[0].c_str(), 0)); }

int by_reopening(const Arguments& a) {
  const int fd = open(a[0].c_str(), O_RDONLY);
  if (fd < 0) return errno;
  return spoil(open(descriptor_path(fd).c_str(), O_WRONLY));
}

int by_reopening_a_path(const Arguments& a) {
  const int fd = open(a[0].c_str(), O_PATH);
  if (fd < 0) return errno;
  return spoil(open(descriptor_path(fd).c_str(), O_WRONLY));
}

int by_fchmod(const Arguments& a) { return outcome(fchmod(open(a[0].c_str(), O_RDONLY), 0600)); }
int by_fchown(const Arguments& a) { return outcome(fchown(open(a[0].c_str(), O_RDONLY), 1, 1)); }
int by_fsetxattr(const Arguments& a) {
  return outcome(fsetxattr(open(a[0].c_str(), O_RDONLY), "user.mark", kMark, sizeof kMark - 1, 0));
}
int by_futimens(const Arguments& a) {
  const timespec times[2] = {{1, 0}, {1, 0}};
  return outcome(futimens(open(a[0].c_str(), O_RDONLY), times));
}
int by_flags(const Arguments& a) {
  const int fd = open(a[0].c_str(), O_RDONLY);
  int flags = FS_NODUMP_FL;
  return outcome(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

int by_fchmodat2(const Arguments& a) {
  constexpr long kFchmodat2 = 452;
  const long result = syscall(kFchmodat2, AT_FDCWD, a[0].c_str(), 0600, 0);
  if (result < 0 && errno == ENOSYS) unknown("no fchmodat2 in this kernel");
  return outcome(result);
}

int by_a_held_directory(const Arguments& a) {
  const int directory = open(directory_of(a[0]).c_str(), O_PATH | O_DIRECTORY);
  if (directory < 0) return errno;
  return spoil(openat(directory, name_of(a[0]).c_str(), O_WRONLY));
}

int by_dots_from_a_held_directory(const Arguments& a) {
  const std::string directory = directory_of(a[0]);
  const int fd = open(".", O_RDONLY | O_DIRECTORY);
  std::string way;
  for (int i = 0; i < 20; ++i) way += "../";
  return spoil(openat(fd, (way + a[0].substr(1)).c_str(), O_WRONLY));
}

// --- names ---

int by_a_hard_link(const Arguments& a) {
  if (link(a[0].c_str(), "linked") != 0) return errno;
  return spoil(open("linked", O_WRONLY));
}

int by_a_hard_link_of_a_descriptor(const Arguments& a) {
  const int fd = open(a[0].c_str(), O_RDONLY);
  if (fd < 0) return errno;
  if (linkat(AT_FDCWD, descriptor_path(fd).c_str(), AT_FDCWD, "linked", AT_SYMLINK_FOLLOW) != 0) return errno;
  return spoil(open("linked", O_WRONLY));
}

int by_naming_a_tmpfile(const Arguments& a) {
  const int fd = open(".", O_TMPFILE | O_WRONLY, 0600);
  if (fd < 0) unknown("no O_TMPFILE here");
  return outcome(linkat(AT_FDCWD, descriptor_path(fd).c_str(), AT_FDCWD, a[0].c_str(), AT_SYMLINK_FOLLOW));
}

int by_a_tmpfile_there(const Arguments& a) {
  return spoil(open(directory_of(a[0]).c_str(), O_TMPFILE | O_WRONLY, 0600));
}

int by_exchange(const Arguments& a) {
  close(open("mine", O_CREAT | O_WRONLY, 0600));
  return outcome(renameat2(AT_FDCWD, "mine", AT_FDCWD, a[0].c_str(), RENAME_EXCHANGE));
}

int by_a_whiteout(const Arguments& a) {
  return outcome(renameat2(AT_FDCWD, a[0].c_str(), AT_FDCWD, "mine", RENAME_WHITEOUT));
}

int by_unlink(const Arguments& a) { return outcome(unlink(a[0].c_str())); }

int by_a_socket(const Arguments& a) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, a[0].c_str(), sizeof address.sun_path - 1);
  return outcome(bind(socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&address), sizeof address));
}

// A symlink that points now here, now there, while it is written through.
int by_swapping_symlinks(const Arguments& a) {
  close(open("mine", O_CREAT | O_WRONLY, 0600));
  if (symlink("mine", "here") != 0 || symlink(a[0].c_str(), "there") != 0) return errno;
  const pid_t swapper = fork();
  if (swapper == 0) {
    for (;;) renameat2(AT_FDCWD, "here", AT_FDCWD, "there", RENAME_EXCHANGE);
  }
  const std::time_t end = std::time(nullptr) + 2;
  while (std::time(nullptr) < end) {
    const int fd = open("here", O_WRONLY);
    if (fd < 0) continue;
    if (write(fd, kMark, sizeof kMark - 1) < 0) continue;
    close(fd);
  }
  kill(swapper, SIGKILL);
  waitpid(swapper, nullptr, 0);
  // Whether it worked is for the caller to see.
  return 0;
}

// --- ways out of the root ---

// The old trick: chroot into a folder while the working directory is above it.
int by_chroot(const Arguments& a) {
  mkdir("cell", 0700);
  if (chroot("cell") != 0) return errno;
  for (int i = 0; i < 1000; ++i) {
    if (chdir("..") != 0) return errno;
  }
  return spoil(open(a[0].substr(1).c_str(), O_WRONLY));
}

int by_process_1(const Arguments& a) { return spoil(open(("/proc/1/root" + a[0]).c_str(), O_WRONLY)); }
int by_process_1_directory(const Arguments& a) {
  return spoil(open(("/proc/1/cwd/../../../../../../.." + a[0]).c_str(), O_WRONLY));
}

// Descriptor 0 is what the caller chose to hand in.
int by_reopening_input(const Arguments&) { return spoil(open("/proc/self/fd/0", O_WRONLY)); }
int by_input_directory(const Arguments& a) { return spoil(openat(STDIN_FILENO, a[0].c_str(), O_WRONLY)); }
int by_input_directory_dots(const Arguments& a) {
  return spoil(openat(STDIN_FILENO, ("../../../../../../../.." + a[0]).c_str(), O_WRONLY));
}
int by_changing_to_input(const Arguments& a) {
  if (fchdir(STDIN_FILENO) != 0) return errno;
  return spoil(open(a[0].c_str(), O_WRONLY));
}
int by_chmod_of_input(const Arguments&) { return outcome(fchmod(STDIN_FILENO, 0777)); }

int by_mount(const Arguments& a) { return outcome(mount("none", a[0].c_str(), "tmpfs", 0, nullptr)); }
int by_bind_mount(const Arguments& a) {
  return outcome(mount(".", directory_of(a[0]).c_str(), nullptr, MS_BIND, nullptr));
}
int by_remount(const Arguments&) { return outcome(mount(nullptr, "/sys", nullptr, MS_REMOUNT | MS_BIND, nullptr)); }
int by_umount(const Arguments& a) { return outcome(umount2(a[0].c_str(), MNT_DETACH)); }
int by_pivot_root(const Arguments&) { return outcome(syscall(SYS_pivot_root, ".", ".")); }
int by_open_tree(const Arguments&) { return outcome(open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE)); }
int by_fsopen(const Arguments&) { return outcome(fsopen("tmpfs", 0)); }
int by_setns(const Arguments&) { return outcome(setns(open("/proc/self/ns/mnt", O_RDONLY), 0)); }
int by_setns_of_process_1(const Arguments&) {
  const int fd = open("/proc/1/ns/mnt", O_RDONLY);
  return fd < 0 ? errno : outcome(setns(fd, 0));
}
int by_unshare(const Arguments&) { return outcome(unshare(CLONE_NEWNS)); }
int by_user_namespace(const Arguments&) { return outcome(unshare(CLONE_NEWUSER)); }

// clone(2) with its flags in a register, and clone3(2) with them in memory.
int by_clone_into_namespace(const Arguments&) {
  const long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return outcome(pid);
}
int by_clone3_into_namespace(const Arguments&) {
  clone_args arguments{};
  arguments.flags = CLONE_NEWUSER;
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return outcome(pid);
}

int by_move_mount(const Arguments& a) {
  return outcome(move_mount(open("/dev", O_PATH), "", AT_FDCWD, a[0].c_str(), MOVE_MOUNT_F_EMPTY_PATH));
}
int by_mount_setattr(const Arguments& a) {
  mount_attr change{};
  change.attr_clr = MOUNT_ATTR_RDONLY;
  return outcome(mount_setattr(AT_FDCWD, a[0].c_str(), 0, &change, sizeof change));
}

// --- doors into the kernel ---

int by_userfaultfd(const Arguments&) {
  const long result = syscall(SYS_userfaultfd, O_CLOEXEC);
  if (result < 0 && errno == ENOSYS) unknown("no userfaultfd in this kernel");
  return outcome(result);
}
int by_bpf(const Arguments&) {
  struct {
    std::uint32_t map_type = 2;  // BPF_MAP_TYPE_ARRAY
    std::uint32_t key_size = 4;
    std::uint32_t value_size = 4;
    std::uint32_t max_entries = 1;
    char rest[112] = {};
  } attributes;
  return outcome(syscall(SYS_bpf, 0, &attributes, sizeof attributes));
}
int by_perf(const Arguments&) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  return outcome(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}
int by_keyring(const Arguments&) {
  return outcome(syscall(SYS_add_key, "user", "fusebox-escape", kMark, sizeof kMark, -3));  // KEY_SPEC_SESSION_KEYRING
}
int by_kernel_log(const Arguments&) {
  return outcome(syscall(SYS_syslog, 10, nullptr, 0));
}  // SYSLOG_ACTION_SIZE_BUFFER
int by_quota(const Arguments&) { return outcome(syscall(SYS_quotactl, 0x80000101, nullptr, 0, nullptr)); }  // Q_SYNC
int by_vsock(const Arguments&) {
  const int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
  if (fd < 0 && errno == EAFNOSUPPORT) unknown("no AF_VSOCK in this kernel");
  return outcome(fd);
}
int by_raw_socket(const Arguments&) { return outcome(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }

// A connection of one's own would serve the box whatever it likes.
int by_fuse_device(const Arguments& a) {
  if (mknod("device", S_IFCHR | 0600, makedev(10, 229)) != 0) return errno;
  const int fd = open("device", O_RDWR);
  if (fd < 0) return errno;
  const std::string options = "rootmode=40000,user_id=0,group_id=0,fd=" + std::to_string(fd);
  return outcome(mount("x", a[0].c_str(), "fuse", 0, options.c_str()));
}

// Characters that the user's shell would read once the box is gone.
int by_terminal_input(const Arguments&) {
  const char newline = ' ';
  return outcome(ioctl(STDIN_FILENO, TIOCSTI, &newline));
}

int by_file_handle(const Arguments& a) {
  struct {
    file_handle handle;
    char bytes[128];
  } room{};
  room.handle.handle_bytes = sizeof room.bytes;
  int mount_id = 0;
  if (name_to_handle_at(AT_FDCWD, a[0].c_str(), &room.handle, &mount_id, 0) != 0) {
    if (errno == EOPNOTSUPP) room.handle.handle_bytes = 8;  // any handle: whether one may ask is the question
  }
  const int root = open("/", O_RDONLY | O_DIRECTORY);
  return outcome(open_by_handle_at(root, &room.handle, O_RDONLY));
}

// --- other processes ---

int by_kill(const Arguments& a) { return outcome(kill(std::atoi(a[0].c_str()), SIGKILL)); }
int by_kill_of_all(const Arguments&) { return outcome(kill(-1, SIGKILL)); }
int by_kill_of_process_1(const Arguments&) {
  // Allowed to ask; whether process 1 dies of it is for the caller to see.
  return outcome(kill(1, SIGKILL));
}
int by_ptrace(const Arguments& a) { return outcome(ptrace(PTRACE_ATTACH, std::atoi(a[0].c_str()), nullptr, nullptr)); }
int by_process_vm(const Arguments& a) {
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{reinterpret_cast<void*>(std::strtoull(a[1].c_str(), nullptr, 16)), 1};
  return outcome(process_vm_readv(std::atoi(a[0].c_str()), &here, 1, &there, 1, 0));
}
int by_pidfd(const Arguments& a) {
  const long pidfd = syscall(SYS_pidfd_open, std::atoi(a[0].c_str()), 0);
  return pidfd < 0 ? errno : outcome(syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}
int by_memory(const Arguments& a) { return outcome(open(("/proc/" + a[0] + "/mem").c_str(), O_RDWR)); }

int by_opening_for_writing(const Arguments& a) { return outcome(open(a[0].c_str(), O_WRONLY)); }
int by_opening(const Arguments& a) { return outcome(open(a[0].c_str(), O_RDONLY | O_NONBLOCK)); }
int by_mknod(const Arguments& a) {
  return outcome(mknod("device", S_IFBLK | 0600, static_cast<dev_t>(std::strtoull(a[0].c_str(), nullptr, 10))));
}

// The ids that count after a set-id program was executed; it is this one.
int by_set_id(const Arguments&) {
  errno = EPERM;
  return geteuid() == 0 ? 0 : errno;
}

const std::map<std::string, int (*)(const Arguments&)>& ways() {
  static const std::map<std::string, int (*)(const Arguments&)> all = {
      {"open", by_open},
      {"openat2", by_openat2},
      {"int80", by_int80},
      {"ring_write", by_ring_write},
      {"ring_create", by_ring_create},
      {"ring_unlink", by_ring_unlink},
      {"truncating_open", by_truncating_open},
      {"truncate", by_truncate},
      {"reopening", by_reopening},
      {"reopening_a_path", by_reopening_a_path},
      {"fchmod", by_fchmod},
      {"fchown", by_fchown},
      {"fsetxattr", by_fsetxattr},
      {"futimens", by_futimens},
      {"flags", by_flags},
      {"fchmodat2", by_fchmodat2},
      {"a_held_directory", by_a_held_directory},
      {"dots_from_a_held_directory", by_dots_from_a_held_directory},
      {"a_hard_link", by_a_hard_link},
      {"a_hard_link_of_a_descriptor", by_a_hard_link_of_a_descriptor},
      {"naming_a_tmpfile", by_naming_a_tmpfile},
      {"a_tmpfile_there", by_a_tmpfile_there},
      {"exchange", by_exchange},
      {"a_whiteout", by_a_whiteout},
      {"unlink", by_unlink},
      {"mapping", by_mapping},
      {"rename_into_place", by_rename_into_place},
      {"a_socket", by_a_socket},
      {"swapping_symlinks", by_swapping_symlinks},
      {"chroot", by_chroot},
      {"process_1", by_process_1},
      {"process_1_directory", by_process_1_directory},
      {"reopening_input", by_reopening_input},
      {"input_directory", by_input_directory},
      {"input_directory_dots", by_input_directory_dots},
      {"changing_to_input", by_changing_to_input},
      {"chmod_of_input", by_chmod_of_input},
      {"mount", by_mount},
      {"bind_mount", by_bind_mount},
      {"remount", by_remount},
      {"umount", by_umount},
      {"pivot_root", by_pivot_root},
      {"open_tree", by_open_tree},
      {"fsopen", by_fsopen},
      {"setns", by_setns},
      {"setns_of_process_1", by_setns_of_process_1},
      {"unshare", by_unshare},
      {"user_namespace", by_user_namespace},
      {"clone_into_namespace", by_clone_into_namespace},
      {"clone3_into_namespace", by_clone3_into_namespace},
      {"move_mount", by_move_mount},
      {"mount_setattr", by_mount_setattr},
      {"userfaultfd", by_userfaultfd},
      {"bpf", by_bpf},
      {"perf", by_perf},
      {"keyring", by_keyring},
      {"kernel_log", by_kernel_log},
      {"quota", by_quota},
      {"vsock", by_vsock},
      {"raw_socket", by_raw_socket},
      {"fuse_device", by_fuse_device},
      {"terminal_input", by_terminal_input},
      {"file_handle", by_file_handle},
      {"kill", by_kill},
      {"kill_of_all", by_kill_of_all},
      {"kill_of_process_1", by_kill_of_process_1},
      {"ptrace", by_ptrace},
      {"memory", by_memory},
      {"process_vm", by_process_vm},
      {"pidfd", by_pidfd},
      {"opening_for_writing", by_opening_for_writing},
      {"opening", by_opening},
      {"mknod", by_mknod},
      {"set_id", by_set_id},
  };
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const auto way = argc > 1 ? ways().find(argv[1]) : ways().end();
  if (way == ways().end()) unknown("no such way");
  Arguments arguments(argv + 2, argv + argc);
  arguments.resize(4);
  const int error = way->second(arguments);
  if (error == 0) return 0;
  std::printf("%s\n", strerrorname_np(error));
  return kRefused;
}
