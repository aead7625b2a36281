// The FUSE kernel ABI, protocol 7.45: structures and numbers as they lie in memory.
//
// Layouts and values follow Linux include/uapi/linux/fuse.h (6.18).  Names are the kernel's, without the fuse_ prefix.
// Everything is in host byte order; every structure is padded to eight bytes.  No I/O, no checks: see decode.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fusebox::wire {

inline constexpr std::uint32_t kMajor = 7;
inline constexpr std::uint32_t kMinor = 45;
inline constexpr std::uint32_t kOldestMinor = 36;  // INIT_EXT: what we rely on exists from here on (Linux 5.17)
inline constexpr std::uint64_t kRootNode = 1;
inline constexpr std::size_t kMinReadBuffer = 8192;  // FUSE_MIN_READ_BUFFER

enum class Opcode : std::uint32_t {
  lookup = 1,
  forget = 2,
  getattr = 3,
  setattr = 4,
  readlink = 5,
  symlink = 6,
  mknod = 8,
  mkdir = 9,
  unlink = 10,
  rmdir = 11,
  rename = 12,
  link = 13,
  open = 14,
  read = 15,
  write = 16,
  statfs = 17,
  release = 18,
  fsync = 20,
  setxattr = 21,
  getxattr = 22,
  listxattr = 23,
  removexattr = 24,
  flush = 25,
  init = 26,
  opendir = 27,
  readdir = 28,
  releasedir = 29,
  fsyncdir = 30,
  getlk = 31,
  setlk = 32,
  setlkw = 33,
  access = 34,
  create = 35,
  interrupt = 36,
  bmap = 37,
  destroy = 38,
  ioctl = 39,
  poll = 40,
  notify_reply = 41,
  batch_forget = 42,
  fallocate = 43,
  readdirplus = 44,
  rename2 = 45,
  lseek = 46,
  copy_file_range = 47,
  setupmapping = 48,
  removemapping = 49,
  syncfs = 50,
  tmpfile = 51,
  statx = 52,
  copy_file_range_64 = 53,
};
inline constexpr std::size_t kOpcodeCount = 54;

// Flags of INIT; bits from 32 on travel in flags2.
enum InitFlag : std::uint64_t {
  kAsyncRead = 1ull << 0,
  kPosixLocks = 1ull << 1,
  kAtomicTruncate = 1ull << 3,
  kBigWrites = 1ull << 5,
  kDontMask = 1ull << 6,
  kFlockLocks = 1ull << 10,
  kIoctlDir = 1ull << 11,
  kAutoInvalidateData = 1ull << 12,
  kReaddirPlus = 1ull << 13,
  kReaddirPlusAuto = 1ull << 14,
  kAsyncDirectIo = 1ull << 15,
  kNoOpenSupport = 1ull << 17,
  kParallelDirops = 1ull << 18,
  kPosixAcl = 1ull << 20,
  kAbortError = 1ull << 21,
  kMaxPages = 1ull << 22,
  kCacheSymlinks = 1ull << 23,
  kNoOpendirSupport = 1ull << 24,
  kHandleKillprivV2 = 1ull << 28,
  kSetxattrExt = 1ull << 29,
  kInitExt = 1ull << 30,
  kSecurityContext = 1ull << 32,
  kCreateSupplementaryGroup = 1ull << 34,
  kHasExpireOnly = 1ull << 35,
  kDirectIoAllowMmap = 1ull << 36,
  kPassthrough = 1ull << 37,
  kNoExportSupport = 1ull << 38,
  kHasResend = 1ull << 39,
  kAllowIdmap = 1ull << 40,
  kOverIoUring = 1ull << 41,
  kRequestTimeout = 1ull << 42,
};

// open_out.open_flags
enum OpenFlag : std::uint32_t {
  kOpenDirectIo = 1u << 0,
  kOpenKeepCache = 1u << 1,
  kOpenCacheDir = 1u << 3,
  kOpenNoFlush = 1u << 5,
  kOpenParallelDirectWrites = 1u << 6,
  kOpenPassthrough = 1u << 7,
};

// setattr_in.valid
enum SetattrBit : std::uint32_t {
  kSetMode = 1u << 0,
  kSetUid = 1u << 1,
  kSetGid = 1u << 2,
  kSetSize = 1u << 3,
  kSetAtime = 1u << 4,
  kSetMtime = 1u << 5,
  kSetHandle = 1u << 6,
  kSetAtimeNow = 1u << 7,
  kSetMtimeNow = 1u << 8,
  kSetLockOwner = 1u << 9,
  kSetCtime = 1u << 10,
  kSetKillSuidSgid = 1u << 11,
};

inline constexpr std::uint32_t kGetattrHandle = 1u << 0;      // getattr_in.getattr_flags: fh is valid
inline constexpr std::uint32_t kFsyncDataOnly = 1u << 0;      // fsync_in.fsync_flags
inline constexpr std::uint32_t kOpenKillSuidSgid = 1u << 0;   // open_in.open_flags
inline constexpr std::uint32_t kWriteKillSuidSgid = 1u << 2;  // write_in.write_flags
inline constexpr std::uint32_t kSetxattrKillSgid = 1u << 0;   // setxattr_in.setxattr_flags
inline constexpr std::uint32_t kLockFlock = 1u << 0;          // lk_in.lk_flags: flock(2), not fcntl(2)
inline constexpr std::uint32_t kIoctlDirectory = 1u << 4;     // ioctl_in.flags: fh is a directory's
inline constexpr std::uint32_t kPollNotify = 1u << 0;         // poll_in.flags: tell when it becomes ready
inline constexpr std::uint64_t kUniqueResent = 1ull << 63;    // in_header.unique: handed out once before

struct InHeader {
  std::uint32_t len, opcode;
  std::uint64_t unique, nodeid;
  std::uint32_t uid, gid, pid;
  std::uint16_t total_extlen, padding;  // extensions at the end, in units of eight bytes
};
static_assert(sizeof(InHeader) == 40 && offsetof(InHeader, pid) == 32);

struct OutHeader {
  std::uint32_t len;
  std::int32_t error;
  std::uint64_t unique;
};
static_assert(sizeof(OutHeader) == 16);

struct WireAttr {
  std::uint64_t ino, size, blocks, atime, mtime, ctime;
  std::uint32_t atimensec, mtimensec, ctimensec, mode, nlink, uid, gid, rdev, blksize, flags;
};
static_assert(sizeof(WireAttr) == 88 && offsetof(WireAttr, mode) == 60);

struct EntryOut {
  std::uint64_t nodeid, generation, entry_valid, attr_valid;
  std::uint32_t entry_valid_nsec, attr_valid_nsec;
  WireAttr attr;
};
static_assert(sizeof(EntryOut) == 128 && offsetof(EntryOut, attr) == 40);

struct AttrOut {
  std::uint64_t attr_valid;
  std::uint32_t attr_valid_nsec, dummy;
  WireAttr attr;
};
static_assert(sizeof(AttrOut) == 104);

struct ForgetIn {
  std::uint64_t nlookup;
};
struct BatchForgetIn {
  std::uint32_t count, dummy;
};
struct ForgetOne {
  std::uint64_t nodeid, nlookup;
};
static_assert(sizeof(ForgetIn) == 8 && sizeof(BatchForgetIn) == 8 && sizeof(ForgetOne) == 16);

struct GetattrIn {
  std::uint32_t getattr_flags, dummy;
  std::uint64_t fh;
};
static_assert(sizeof(GetattrIn) == 16);

struct SetattrIn {
  std::uint32_t valid, padding;
  std::uint64_t fh, size, lock_owner, atime, mtime, ctime;
  std::uint32_t atimensec, mtimensec, ctimensec, mode, unused4, uid, gid, unused5;
};
static_assert(sizeof(SetattrIn) == 88 && offsetof(SetattrIn, mode) == 68 && offsetof(SetattrIn, uid) == 76);

struct MknodIn {
  std::uint32_t mode, rdev, umask, padding;
};
struct MkdirIn {
  std::uint32_t mode, umask;
};
struct RenameIn {
  std::uint64_t newdir;
};
struct Rename2In {
  std::uint64_t newdir;
  std::uint32_t flags, padding;
};
struct LinkIn {
  std::uint64_t oldnodeid;
};
struct OpenIn {
  std::uint32_t flags, open_flags;
};
struct CreateIn {
  std::uint32_t flags, mode, umask, open_flags;
};
static_assert(sizeof(MknodIn) == 16 && sizeof(MkdirIn) == 8 && sizeof(RenameIn) == 8 && sizeof(Rename2In) == 16);
static_assert(sizeof(LinkIn) == 8 && sizeof(OpenIn) == 8 && sizeof(CreateIn) == 16);

struct OpenOut {
  std::uint64_t fh;
  std::uint32_t open_flags;
  std::int32_t backing_id;
};
static_assert(sizeof(OpenOut) == 16);

struct CreateOut {
  EntryOut entry;
  OpenOut open;
};
static_assert(sizeof(CreateOut) == 144);

struct ReadIn {
  std::uint64_t fh, offset;
  std::uint32_t size, read_flags;
  std::uint64_t lock_owner;
  std::uint32_t flags, padding;
};
struct WriteIn {
  std::uint64_t fh, offset;
  std::uint32_t size, write_flags;
  std::uint64_t lock_owner;
  std::uint32_t flags, padding;
};
struct WriteOut {
  std::uint32_t size, padding;
};
static_assert(sizeof(ReadIn) == 40 && sizeof(WriteIn) == 40 && sizeof(WriteOut) == 8);

struct ReleaseIn {
  std::uint64_t fh;
  std::uint32_t flags, release_flags;
  std::uint64_t lock_owner;
};
struct FlushIn {
  std::uint64_t fh;
  std::uint32_t unused, padding;
  std::uint64_t lock_owner;
};
struct FsyncIn {
  std::uint64_t fh;
  std::uint32_t fsync_flags, padding;
};
static_assert(sizeof(ReleaseIn) == 24 && sizeof(FlushIn) == 24 && sizeof(FsyncIn) == 16);

// With SETXATTR_EXT, which we insist on.
struct SetxattrIn {
  std::uint32_t size, flags, setxattr_flags, padding;
};
struct GetxattrIn {
  std::uint32_t size, padding;
};
struct GetxattrOut {
  std::uint32_t size, padding;
};
static_assert(sizeof(SetxattrIn) == 16 && sizeof(GetxattrIn) == 8 && sizeof(GetxattrOut) == 8);

struct AccessIn {
  std::uint32_t mask, padding;
};
struct InterruptIn {
  std::uint64_t unique;
};
static_assert(sizeof(AccessIn) == 8 && sizeof(InterruptIn) == 8);

struct StatxIn {
  std::uint32_t getattr_flags, reserved;
  std::uint64_t fh;
  std::uint32_t sx_flags, sx_mask;
};
struct StatxTime {
  std::int64_t tv_sec;
  std::uint32_t tv_nsec;
  std::int32_t reserved;
};
// As statx(2) lays it out.
struct Statx {
  std::uint32_t mask, blksize;
  std::uint64_t attributes;
  std::uint32_t nlink, uid, gid;
  std::uint16_t mode, spare0;
  std::uint64_t ino, size, blocks, attributes_mask;
  StatxTime atime, btime, ctime, mtime;
  std::uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
  std::uint64_t spare2[14];
};
struct StatxOut {
  std::uint64_t attr_valid;
  std::uint32_t attr_valid_nsec, flags;
  std::uint64_t spare[2];
  Statx stat;
};
static_assert(sizeof(StatxIn) == 24 && sizeof(Statx) == 256 && sizeof(StatxOut) == 288);
static_assert(offsetof(Statx, ino) == 32 && offsetof(Statx, btime) == 80 && offsetof(Statx, rdev_major) == 128);

struct FileLock {
  std::uint64_t start, end;  // the last byte; OFFSET_MAX: to the end of the file, however long it grows
  std::uint32_t type, pid;   // F_RDLCK, F_WRLCK or F_UNLCK
};
struct LockIn {
  std::uint64_t fh, owner;
  FileLock lock;
  std::uint32_t lock_flags, padding;
};
struct LockOut {
  FileLock lock;
};
static_assert(sizeof(FileLock) == 24 && sizeof(LockIn) == 48 && sizeof(LockOut) == 24);

struct BmapIn {
  std::uint64_t block;
  std::uint32_t blocksize, padding;
};
struct BmapOut {
  std::uint64_t block;
};
static_assert(sizeof(BmapIn) == 16 && sizeof(BmapOut) == 8);

struct IoctlIn {
  std::uint64_t fh;
  std::uint32_t flags, cmd;
  std::uint64_t arg;
  std::uint32_t in_size, out_size;
};
struct IoctlOut {
  std::int32_t result;
  std::uint32_t flags, in_iovs, out_iovs;
};
static_assert(sizeof(IoctlIn) == 32 && sizeof(IoctlOut) == 16);

struct PollIn {
  std::uint64_t fh, kh;
  std::uint32_t flags, events;
};
struct PollOut {
  std::uint32_t revents, padding;
};
static_assert(sizeof(PollIn) == 24 && sizeof(PollOut) == 8);

struct SyncfsIn {
  std::uint64_t padding;
};
static_assert(sizeof(SyncfsIn) == 8);

// Extensions behind the arguments of requests that create something.
struct ExtensionHeader {
  std::uint32_t size, type;  // of the whole block
};
inline constexpr std::uint32_t kMostSecurityContexts = 31;  // a smaller or equal type counts security contexts
inline constexpr std::uint32_t kSupplementaryGroups = 32;
struct SecurityContextHeader {
  std::uint32_t size, padding;  // of the value
};
static_assert(sizeof(ExtensionHeader) == 8 && sizeof(SecurityContextHeader) == 8);

struct FallocateIn {
  std::uint64_t fh, offset, length;
  std::uint32_t mode, padding;
};
struct LseekIn {
  std::uint64_t fh, offset;
  std::uint32_t whence, padding;
};
struct LseekOut {
  std::uint64_t offset;
};
struct CopyFileRangeIn {
  std::uint64_t fh_in, off_in, nodeid_out, fh_out, off_out, len, flags;
};
struct CopyFileRangeOut {
  std::uint64_t bytes_copied;
};
static_assert(sizeof(FallocateIn) == 32 && sizeof(LseekIn) == 24 && sizeof(LseekOut) == 8);
static_assert(sizeof(CopyFileRangeIn) == 56 && sizeof(CopyFileRangeOut) == 8);

struct Kstatfs {
  std::uint64_t blocks, bfree, bavail, files, ffree;
  std::uint32_t bsize, namelen, frsize, padding, spare[6];
};
static_assert(sizeof(Kstatfs) == 80);

struct Dirent {
  std::uint64_t ino, off;
  std::uint32_t namelen, type;
};
static_assert(sizeof(Dirent) == 24);
struct DirentPlus {
  EntryOut entry;
  Dirent dirent;
};
static_assert(sizeof(DirentPlus) == 152);

struct InitIn {
  std::uint32_t major, minor, max_readahead, flags, flags2, unused[11];
};
struct InitOut {
  std::uint32_t major, minor, max_readahead, flags;
  std::uint16_t max_background, congestion_threshold;
  std::uint32_t max_write, time_gran;
  std::uint16_t max_pages, map_alignment;
  std::uint32_t flags2, max_stack_depth;
  std::uint16_t request_timeout, unused[11];
};
static_assert(sizeof(InitIn) == 64 && sizeof(InitOut) == 64 && offsetof(InitOut, max_stack_depth) == 36);

// Notifications (out_header.unique 0, error = code).
enum class Notify : std::int32_t {
  poll = 1,
  invalidate_inode = 2,
  invalidate_entry = 3,
  store = 4,
  retrieve = 5,
  remove = 6,
  resend = 7,
  increment_epoch = 8,
  prune = 9,
};
struct NotifyPoll {
  std::uint64_t kh;
};
struct NotifyInvalidateInode {
  std::uint64_t ino;
  std::int64_t off, len;  // off < 0: attributes alone; len <= 0: to the end
};
struct NotifyInvalidateEntry {
  std::uint64_t parent;
  std::uint32_t namelen, flags;
};
inline constexpr std::uint32_t kExpireOnly = 1u << 0;  // notify_invalidate_entry.flags
struct NotifyStore {
  std::uint64_t nodeid, offset;
  std::uint32_t size, padding;
};
struct NotifyRetrieve {
  std::uint64_t notify_unique, nodeid, offset;
  std::uint32_t size, padding;
};
struct NotifyRetrieveIn {  // the body of NOTIFY_REPLY
  std::uint64_t dummy1, offset;
  std::uint32_t size, dummy2;
  std::uint64_t dummy3, dummy4;
};
struct NotifyDelete {
  std::uint64_t parent, child;
  std::uint32_t namelen, padding;
};
struct NotifyPrune {
  std::uint32_t count, padding;
  std::uint64_t spare;
};
static_assert(sizeof(NotifyPoll) == 8 && sizeof(NotifyInvalidateInode) == 24 && sizeof(NotifyInvalidateEntry) == 16);
static_assert(sizeof(NotifyStore) == 24 && sizeof(NotifyRetrieve) == 32 && sizeof(NotifyRetrieveIn) == 40);
static_assert(sizeof(NotifyDelete) == 24 && sizeof(NotifyPrune) == 16);

// struct fuse_backing_map, for FUSE_DEV_IOC_BACKING_OPEN.
struct BackingMap {
  std::int32_t fd;
  std::uint32_t flags;
  std::uint64_t padding;
};
static_assert(sizeof(BackingMap) == 16);
inline constexpr unsigned long kIoctlClone = 0x8004e500;         // _IOR(229, 0, uint32_t)
inline constexpr unsigned long kIoctlBackingOpen = 0x4010e501;   // _IOW(229, 1, struct fuse_backing_map)
inline constexpr unsigned long kIoctlBackingClose = 0x4004e502;  // _IOW(229, 2, uint32_t)

}  // namespace fusebox::wire
