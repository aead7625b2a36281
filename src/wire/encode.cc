#include "wire/encode.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstring>

namespace fusebox::wire {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

std::uint64_t whole_seconds(Validity validity) {
  return validity.count() <= 0 ? 0 : static_cast<std::uint64_t>(duration_cast<seconds>(validity).count());
}

std::uint32_t nanoseconds_of(Validity validity) {
  return validity.count() <= 0 ? 0 : static_cast<std::uint32_t>((validity - duration_cast<seconds>(validity)).count());
}

constexpr std::size_t record_size(std::size_t head, std::size_t name) { return (head + name + 7) & ~std::size_t{7}; }

SetTime decode_time(bool now, std::uint64_t sec, std::uint32_t nsec) {
  return {.now = now, .moment = {.tv_sec = static_cast<time_t>(sec), .tv_nsec = nsec}};
}

}  // namespace

std::uint32_t encode_device(dev_t device) {
  const std::uint32_t high = major(device);
  const std::uint32_t low = minor(device);
  return (low & 0xff) | ((high & 0xfff) << 8) | ((low & ~0xffu) << 12);
}

dev_t decode_device(std::uint32_t device) {
  return makedev((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00));
}

WireAttr encode_attr(const Attr& attr) {
  return {
      .ino = attr.ino,
      .size = attr.size,
      .blocks = attr.blocks,
      .atime = static_cast<std::uint64_t>(attr.atime.tv_sec),
      .mtime = static_cast<std::uint64_t>(attr.mtime.tv_sec),
      .ctime = static_cast<std::uint64_t>(attr.ctime.tv_sec),
      .atimensec = static_cast<std::uint32_t>(attr.atime.tv_nsec),
      .mtimensec = static_cast<std::uint32_t>(attr.mtime.tv_nsec),
      .ctimensec = static_cast<std::uint32_t>(attr.ctime.tv_nsec),
      .mode = attr.mode,
      .nlink = attr.nlink,
      .uid = attr.uid,
      .gid = attr.gid,
      .rdev = encode_device(attr.rdev),
      .blksize = attr.blksize,
      .flags = 0,
  };
}

AttrOut encode_attr_out(const Attr& attr) {
  return {.attr_valid = whole_seconds(attr.valid_for),
          .attr_valid_nsec = nanoseconds_of(attr.valid_for),
          .dummy = 0,
          .attr = encode_attr(attr)};
}

namespace {

StatxTime encode_time(const timespec& time) {
  return {.tv_sec = time.tv_sec, .tv_nsec = static_cast<std::uint32_t>(time.tv_nsec), .reserved = 0};
}

}  // namespace

StatxOut encode_statx_out(const Attr& attr) {
  StatxOut out{};
  out.attr_valid = whole_seconds(attr.valid_for);
  out.attr_valid_nsec = nanoseconds_of(attr.valid_for);
  Statx& stat = out.stat;
  stat.mask = STATX_BASIC_STATS | (attr.btime ? STATX_BTIME : 0);
  stat.blksize = attr.blksize;
  stat.nlink = attr.nlink;
  stat.uid = attr.uid;
  stat.gid = attr.gid;
  stat.mode = static_cast<std::uint16_t>(attr.mode);
  stat.ino = attr.ino;
  stat.size = attr.size;
  stat.blocks = attr.blocks;
  stat.atime = encode_time(attr.atime);
  stat.btime = encode_time(attr.btime.value_or(timespec{}));
  stat.ctime = encode_time(attr.ctime);
  stat.mtime = encode_time(attr.mtime);
  stat.rdev_major = major(attr.rdev);
  stat.rdev_minor = minor(attr.rdev);
  return out;
}

std::optional<fusebox::FileLock> decode_lock(const FileLock& lock) {
  if (lock.end < lock.start) return std::nullopt;
  fusebox::FileLock decoded{.first = lock.start, .last = lock.end, .pid = static_cast<pid_t>(lock.pid)};
  switch (lock.type) {
    case F_RDLCK:
      decoded.type = LockType::shared;
      return decoded;
    case F_WRLCK:
      decoded.type = LockType::exclusive;
      return decoded;
    case F_UNLCK:
      decoded.type = LockType::unlock;
      return decoded;
    default:
      return std::nullopt;
  }
}

FileLock encode_lock(const fusebox::FileLock& lock) {
  constexpr std::array<std::uint32_t, 3> kTypes = {F_RDLCK, F_WRLCK, F_UNLCK};  // by LockType
  return {.start = lock.first,
          .end = lock.last,
          .type = kTypes[static_cast<std::size_t>(lock.type)],
          .pid = static_cast<std::uint32_t>(lock.pid)};
}

EntryOut encode_entry(std::uint64_t nodeid, const Attr& attr, Validity entry_valid) {
  return {.nodeid = nodeid,
          .generation = 0,
          .entry_valid = whole_seconds(entry_valid),
          .attr_valid = whole_seconds(attr.valid_for),
          .entry_valid_nsec = nanoseconds_of(entry_valid),
          .attr_valid_nsec = nanoseconds_of(attr.valid_for),
          .attr = encode_attr(attr)};
}

SetAttr decode_setattr(const SetattrIn& in) {
  SetAttr change;
  if ((in.valid & kSetMode) != 0) change.mode = in.mode & 07777;
  if ((in.valid & kSetUid) != 0) change.uid = in.uid;
  if ((in.valid & kSetGid) != 0) change.gid = in.gid;
  if ((in.valid & kSetSize) != 0) change.size = in.size;
  if ((in.valid & kSetAtime) != 0) change.atime = decode_time((in.valid & kSetAtimeNow) != 0, in.atime, in.atimensec);
  if ((in.valid & kSetMtime) != 0) change.mtime = decode_time((in.valid & kSetMtimeNow) != 0, in.mtime, in.mtimensec);
  change.kill_suid_sgid = (in.valid & kSetKillSuidSgid) != 0;
  return change;
}

void DirentWriter::put(const void* bytes, std::size_t count) {
  std::memcpy(into_.data() + used_, bytes, count);
  used_ += count;
}

void DirentWriter::pad() {
  const std::size_t end = record_size(used_, 0);
  std::memset(into_.data() + used_, 0, end - used_);
  used_ = end;
}

bool DirentWriter::add(std::string_view name, std::uint64_t ino, std::uint8_t type, std::uint64_t next) {
  if (used_ + record_size(sizeof(Dirent), name.size()) > into_.size()) return false;
  const Dirent dirent{.ino = ino, .off = next, .namelen = static_cast<std::uint32_t>(name.size()), .type = type};
  put(&dirent, sizeof(dirent));
  put(name.data(), name.size());
  pad();
  return true;
}

bool DirentWriter::fits_plus(std::string_view name) const {
  return used_ + record_size(sizeof(DirentPlus), name.size()) <= into_.size();
}

bool DirentWriter::add_plus(std::string_view name, const EntryOut& entry, std::uint64_t ino, std::uint8_t type,
                            std::uint64_t next) {
  if (!fits_plus(name)) return false;
  const DirentPlus record{
      .entry = entry,
      .dirent = {.ino = ino, .off = next, .namelen = static_cast<std::uint32_t>(name.size()), .type = type}};
  put(&record, sizeof(record));
  put(name.data(), name.size());
  pad();
  return true;
}

}  // namespace fusebox::wire
