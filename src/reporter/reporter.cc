// A library that is preloaded into programs of a sandbox and tells the supervisor of changed SANDBOX_ variables.
//
// A shell changes its variables while it runs, and /proc/PID/environ does not show that; getenv(3) inside of the
// process does, for bash exports a getenv of its own that looks at shell variables.  So: before each call that may
// touch a file, compare; on a change tell, and go on when the supervisor has answered.  It enforces nothing: a process
// without it is judged all the same, by the variables that it was started with.
//
// And it tells of what the kernel refused by mode bits (EACCES, EPERM) before the supervisor heard of it, so that a
// violation is recorded for one who could not have done it anyway.  Who keeps that to itself gains nothing.
//
// What it tells goes by setxattr(2) on "/", in the kernel's system namespace, which needs no right and no open file.
// And it answers isatty(3) for regular files, which the kernel would ask the supervisor: Python does at each open.
//
// No C++ library, no allocation: it lives in every program, early and late.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

constexpr const char* kNames[] = {"SANDBOX_ON", "SANDBOX_DENY", "SANDBOX_READ", "SANDBOX_WRITE", "SANDBOX_PREDICT"};
constexpr const char* kSettings = "system.fusebox.sandbox";
constexpr const char* kRefused = "system.fusebox.refused";
constexpr size_t kLongest = 65536;  // of an attribute's value (XATTR_SIZE_MAX)

uint64_t told;  // what the supervisor knows, as fingerprint() has it; 0: nothing

uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 32);
}

// Eight bytes at a time, for it is made before each call; the lists of a package have a thousand and more.
uint64_t mix_text(uint64_t hash, const char* text) {
  size_t length = strlen(text);
  hash = mix(hash, length);
  uint64_t word = 0;
  for (; length >= sizeof word; length -= sizeof word, text += sizeof word) {
    memcpy(&word, text, sizeof word);
    hash = mix(hash, word);
  }
  word = 0;
  memcpy(&word, text, length);
  return mix(hash, word);
}

// Of the values; one that is not set differs from one that is empty.
uint64_t fingerprint() {
  uint64_t hash = 0;
  for (const char* name : kNames) {
    const char* value = getenv(name);
    hash = value != nullptr ? mix_text(hash, value) : mix(hash, ~uint64_t{0});
  }
  return hash | 1u;
}

bool append(char* text, size_t& length, const char* more, size_t size) {
  if (size > kLongest - length) return false;
  memcpy(text + length, more, size);
  length += size;
  return true;
}

void tell() {
  static char text[kLongest];
  size_t length = 0;
  for (const char* name : kNames) {
    const char* value = getenv(name);
    if (value == nullptr) continue;
    const bool fits = append(text, length, name, strlen(name)) && append(text, length, "=", 1) &&
                      append(text, length, value, strlen(value) + 1);
    if (!fits) return;  // what held before goes on to hold
  }
  syscall(SYS_setxattr, "/", kSettings, text, length, 0);
}

// A process with threads may change its environment in one of them: getenv(3) is not safe then, nor needed, for no
// shell has threads.
void report() {
  if (!__libc_single_threaded) return;
  const uint64_t now = fingerprint();
  if (now == told) return;
  const int before = errno;
  tell();
  errno = before;
  told = now;
}

// The supervisor takes the state of a new process from its parent's, which may have changed by the time that it asks.
void forget() { told = 0; }

// What the supervisor reads in /proc when it meets a new program is what stands in the environment now.
__attribute__((constructor)) void begin() {
  told = fingerprint();
  pthread_atfork(nullptr, nullptr, forget);
}

template <class Function>
Function* next(Function*& known, const char* name) {
  if (known == nullptr) known = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  return known;
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? static_cast<mode_t>(va_arg(arguments, unsigned))
                                                                    : 0;
}

constexpr long kFuse = 0x65735546;  // FUSE_SUPER_MAGIC

// Where a descriptor leads to in the mirror; false: elsewhere.
bool path_of(int fd, char* path, size_t size) {
  struct statfs where;
  if (fstatfs(fd, &where) != 0 || where.f_type != kFuse) return false;
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, size - 1);
  if (length <= 0) return false;
  path[length] = '\0';
  return true;
}

int open_place(int directory, const char* path, int flags) {
  return static_cast<int>(syscall(SYS_openat, directory, path, O_PATH | O_CLOEXEC | flags));
}

// `path` without symlinks, but for its last component where `flags` says O_NOFOLLOW.
bool canonical(int directory, const char* path, int flags, char* out, size_t size) {
  int fd = open_place(directory, path, flags & O_NOFOLLOW);
  if (fd >= 0) {
    const bool found = path_of(fd, out, size);
    close(fd);
    return found;
  }
  const char* slash = strrchr(path, '/');
  const char* name = slash != nullptr ? slash + 1 : path;
  char parent[4096];
  const size_t length = slash == nullptr ? 0 : static_cast<size_t>(slash - path) + 1;
  if (*name == '\0' || length >= sizeof parent) return false;
  memcpy(parent, path, length);
  parent[length] = '\0';
  fd = open_place(directory, length == 0 ? "." : parent, O_DIRECTORY);
  if (fd < 0) return false;
  const bool found = path_of(fd, out, size);
  close(fd);
  const size_t used = found ? strlen(out) : 0;
  if (!found || used + 1 + strlen(name) + 1 > size) return false;
  snprintf(out + used, size - used, "%s%s", used == 1 ? "" : "/", name);
  return true;
}

// `operation` is a word of the audit log.  Where the policy refuses it too, that is the reason that the caller gets.
bool refused(const char* operation, int open_flags, int directory, const char* path, int flags = 0) {
  if ((errno != EACCES && errno != EPERM) || path == nullptr) return false;
  const int before = errno;
  char place[4096];
  char text[4096 + 64];
  bool denied = false;
  if (canonical(directory, path, flags, place, sizeof place)) {
    const int length = snprintf(text, sizeof text, "%s %d %s", operation, open_flags, place);
    denied = syscall(SYS_setxattr, "/", kRefused, text, static_cast<size_t>(length), 0) != 0 && errno == EACCES;
  }
  errno = denied ? EACCES : before;
  return denied;
}

int flags_of(const char* mode) {
  const bool plus = strchr(mode, '+') != nullptr;
  if (mode[0] == 'r') return plus ? O_RDWR : O_RDONLY;
  return (plus ? O_RDWR : O_WRONLY) | O_CREAT;
}

// Which of the two it was, only the policy can say.
void refused_pair(const char* operation, int from_directory, const char* from, int to_directory, const char* to) {
  if (!refused(operation, 0, from_directory, from, O_NOFOLLOW)) refused(operation, 0, to_directory, to, O_NOFOLLOW);
}

int nofollow(int flags) { return (flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0; }

const char* open_word(int flags) { return (flags & O_CREAT) != 0 ? "create" : "open"; }

}  // namespace

// NOLINTBEGIN(bugprone-macro-parentheses): a type, and lists in parentheses of their own, can have no more of them
// `told`: what to say where it fails.
#define FORWARD(result, name, parameters, arguments, told)           \
  EXPORTED result name parameters {                                  \
    static result(*real) parameters;                                 \
    report();                                                        \
    if (next(real, #name) == nullptr) return (errno = ENOSYS, FAIL); \
    result outcome = real arguments;                                 \
    if (outcome == FAIL) told;                                       \
    return outcome;                                                  \
  }

// NOLINTEND(bugprone-macro-parentheses)

#define FORWARD_OPEN(name)                                               \
  EXPORTED int name(const char* path, int flags, ...) {                  \
    static int (*real)(const char*, int, ...);                           \
    va_list more;                                                        \
    va_start(more, flags);                                               \
    const mode_t mode = mode_of(flags, more);                            \
    va_end(more);                                                        \
    report();                                                            \
    if (next(real, #name) == nullptr) return (errno = ENOSYS, FAIL);     \
    const int fd = real(path, flags, mode);                              \
    if (fd < 0) refused(open_word(flags), flags, AT_FDCWD, path, flags); \
    return fd;                                                           \
  }

#define FORWARD_OPENAT(name)                                              \
  EXPORTED int name(int directory, const char* path, int flags, ...) {    \
    static int (*real)(int, const char*, int, ...);                       \
    va_list more;                                                         \
    va_start(more, flags);                                                \
    const mode_t mode = mode_of(flags, more);                             \
    va_end(more);                                                         \
    report();                                                             \
    if (next(real, #name) == nullptr) return (errno = ENOSYS, FAIL);      \
    const int fd = real(directory, path, flags, mode);                    \
    if (fd < 0) refused(open_word(flags), flags, directory, path, flags); \
    return fd;                                                            \
  }

#define FAIL (-1)
FORWARD_OPEN(open)
FORWARD_OPEN(open64)
FORWARD_OPENAT(openat)
FORWARD_OPENAT(openat64)
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): glibc's names for checked calls
FORWARD(int, __open_2, (const char* path, int flags), (path, flags), refused("open", flags, AT_FDCWD, path, flags))
FORWARD(int, __open64_2, (const char* path, int flags), (path, flags), refused("open", flags, AT_FDCWD, path, flags))
FORWARD(int, __openat_2, (int directory, const char* path, int flags), (directory, path, flags),
        refused("open", flags, directory, path, flags))
FORWARD(int, __openat64_2, (int directory, const char* path, int flags), (directory, path, flags),
        refused("open", flags, directory, path, flags))
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
FORWARD(int, creat, (const char* path, mode_t mode), (path, mode), refused("create", O_WRONLY, AT_FDCWD, path))
FORWARD(int, creat64, (const char* path, mode_t mode), (path, mode), refused("create", O_WRONLY, AT_FDCWD, path))
FORWARD(int, mkdir, (const char* path, mode_t mode), (path, mode), refused("mkdir", 0, AT_FDCWD, path))
FORWARD(int, mkdirat, (int directory, const char* path, mode_t mode), (directory, path, mode),
        refused("mkdir", 0, directory, path))
FORWARD(int, mknod, (const char* path, mode_t mode, dev_t device), (path, mode, device),
        refused("mknod", 0, AT_FDCWD, path))
FORWARD(int, mknodat, (int directory, const char* path, mode_t mode, dev_t device), (directory, path, mode, device),
        refused("mknod", 0, directory, path))
FORWARD(int, mkfifo, (const char* path, mode_t mode), (path, mode), refused("mknod", 0, AT_FDCWD, path))
FORWARD(int, mkfifoat, (int directory, const char* path, mode_t mode), (directory, path, mode),
        refused("mknod", 0, directory, path))
FORWARD(int, mkstemp, (char* pattern), (pattern), refused("create", O_RDWR, AT_FDCWD, pattern))
FORWARD(int, mkstemp64, (char* pattern), (pattern), refused("create", O_RDWR, AT_FDCWD, pattern))
FORWARD(int, mkostemp, (char* pattern, int flags), (pattern, flags), refused("create", O_RDWR, AT_FDCWD, pattern))
FORWARD(int, mkostemp64, (char* pattern, int flags), (pattern, flags), refused("create", O_RDWR, AT_FDCWD, pattern))
FORWARD(int, unlink, (const char* path), (path), refused("unlink", 0, AT_FDCWD, path, O_NOFOLLOW))
FORWARD(int, unlinkat, (int directory, const char* path, int flags), (directory, path, flags),
        refused((flags & AT_REMOVEDIR) != 0 ? "rmdir" : "unlink", 0, directory, path, O_NOFOLLOW))
FORWARD(int, rmdir, (const char* path), (path), refused("rmdir", 0, AT_FDCWD, path, O_NOFOLLOW))
FORWARD(int, remove, (const char* path), (path), refused("unlink", 0, AT_FDCWD, path, O_NOFOLLOW))
FORWARD(int, rename, (const char* from, const char* to), (from, to),
        refused_pair("rename", AT_FDCWD, from, AT_FDCWD, to))
FORWARD(int, renameat, (int a, const char* from, int b, const char* to), (a, from, b, to),
        refused_pair("rename", a, from, b, to))
FORWARD(int, renameat2, (int a, const char* from, int b, const char* to, unsigned flags), (a, from, b, to, flags),
        refused_pair("rename", a, from, b, to))
FORWARD(int, link, (const char* from, const char* to), (from, to), refused("link", 0, AT_FDCWD, to, O_NOFOLLOW))
FORWARD(int, linkat, (int a, const char* from, int b, const char* to, int flags), (a, from, b, to, flags),
        refused("link", 0, b, to, O_NOFOLLOW))
FORWARD(int, symlink, (const char* target, const char* path), (target, path),
        refused("symlink", 0, AT_FDCWD, path, O_NOFOLLOW))
FORWARD(int, symlinkat, (const char* target, int directory, const char* path), (target, directory, path),
        refused("symlink", 0, directory, path, O_NOFOLLOW))
FORWARD(int, chmod, (const char* path, mode_t mode), (path, mode), refused("chmod", 0, AT_FDCWD, path))
FORWARD(int, fchmodat, (int directory, const char* path, mode_t mode, int flags), (directory, path, mode, flags),
        refused("chmod", 0, directory, path, nofollow(flags)))
FORWARD(int, chown, (const char* path, uid_t uid, gid_t gid), (path, uid, gid), refused("chown", 0, AT_FDCWD, path))
FORWARD(int, lchown, (const char* path, uid_t uid, gid_t gid), (path, uid, gid),
        refused("chown", 0, AT_FDCWD, path, O_NOFOLLOW))
FORWARD(int, fchownat, (int directory, const char* path, uid_t uid, gid_t gid, int flags),
        (directory, path, uid, gid, flags), refused("chown", 0, directory, path, nofollow(flags)))
FORWARD(int, truncate, (const char* path, off_t length), (path, length), refused("truncate", 0, AT_FDCWD, path))
FORWARD(int, utimensat, (int directory, const char* path, const struct timespec times[2], int flags),
        (directory, path, times, flags), refused("utimes", 0, directory, path, nofollow(flags)))
#undef FAIL

#define FAIL (static_cast<char*>(nullptr))
FORWARD(char*, mkdtemp, (char* pattern), (pattern), refused("mkdir", 0, AT_FDCWD, pattern))
#undef FAIL
#define FAIL (static_cast<FILE*>(nullptr))
FORWARD(FILE*, fopen, (const char* path, const char* mode), (path, mode),
        refused(open_word(flags_of(mode)), flags_of(mode), AT_FDCWD, path))
FORWARD(FILE*, fopen64, (const char* path, const char* mode), (path, mode),
        refused(open_word(flags_of(mode)), flags_of(mode), AT_FDCWD, path))
FORWARD(FILE*, freopen, (const char* path, const char* mode, FILE* stream), (path, mode, stream),
        refused(open_word(flags_of(mode)), flags_of(mode), AT_FDCWD, path))
FORWARD(FILE*, freopen64, (const char* path, const char* mode, FILE* stream), (path, mode, stream),
        refused(open_word(flags_of(mode)), flags_of(mode), AT_FDCWD, path))
#undef FAIL
#define FAIL (static_cast<DIR*>(nullptr))
FORWARD(DIR*, opendir, (const char* path), (path), refused("list", 0, AT_FDCWD, path))
#undef FAIL

// AT_STATX_DONT_SYNC: the type of a file is known without a question.
EXPORTED int isatty(int fd) {
  static int (*real)(int);
  struct statx about;
  const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (statx(fd, "", flags, STATX_TYPE, &about) == 0 && S_ISREG(about.stx_mode)) return (errno = ENOTTY, 0);
  if (next(real, "isatty") == nullptr) return (errno = ENOSYS, 0);
  return real(fd);
}
