#include "store/host_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "store/host_core.h"
#include "store/host_ioctl.h"

namespace fusebox {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{32} * 1024;

bool is_dots(std::string_view name) { return name == "." || name == ".."; }

}  // namespace

// struct linux_dirent64, getdents64(2).
struct HostDirectory::Record {
  std::uint64_t inode;
  std::uint64_t next;  // the offset behind this entry
  std::uint16_t length;
  std::uint8_t type;
  const char* name;

  static Record at(const std::byte* bytes) {
    Record record{};
    std::memcpy(&record.inode, bytes, sizeof record.inode);
    std::memcpy(&record.next, bytes + 8, sizeof record.next);
    std::memcpy(&record.length, bytes + 16, sizeof record.length);
    std::memcpy(&record.type, bytes + 18, sizeof record.type);
    record.name = reinterpret_cast<const char*>(bytes + 19);
    return record;
  }
};

Task<> HostDirectory::readdir(const Request&, std::uint64_t offset, DirSink& sink) { co_return list(offset, sink); }

Result<> HostDirectory::list(std::uint64_t offset, DirSink& sink) {
  const std::lock_guard lock(mutex_);
  if (const Result<> found = seek(offset); !found) return found;
  // Which names are mount points matters where numbers are taken from the listing itself.
  const auto mount_points = sink.wants_entries() ? nullptr : node_->core().mount_points.now();
  for (;;) {
    if (cursor_ == filled_) {
      const Result<bool> more = refill();
      if (!more) return fail(more.error());
      if (!*more) return {};
    }
    const Record record = Record::at(buffer_.data() + cursor_);
    if (!pass_on(record, sink, mount_points.get())) return {};
    cursor_ += record.length;
    position_ = record.next;
  }
}

// To the entry behind `offset`.  What the buffer holds may do, but for a rewind, which must see what is new.
Result<> HostDirectory::seek(std::uint64_t offset) {
  if (offset == position_ && (offset != 0 || filled_ == 0)) return {};
  if (offset != 0) {
    for (std::size_t at = 0; at < filled_;) {
      const Record record = Record::at(buffer_.data() + at);
      at += record.length;
      if (record.next != offset) continue;
      cursor_ = at;
      position_ = offset;
      return {};
    }
  }
  if (::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_SET) < 0) return fail_with_errno();
  cursor_ = filled_ = 0;
  position_ = offset;
  return {};
}

Result<bool> HostDirectory::refill() {
  if (buffer_.empty()) buffer_.resize(kBufferBytes);
  const long count = ::syscall(SYS_getdents64, fd_.get(), buffer_.data(), buffer_.size());
  cursor_ = filled_ = 0;
  // A directory that was removed meanwhile has no more entries.
  if (count < 0 && errno != ENOENT) return fail_with_errno();
  filled_ = static_cast<std::size_t>(std::max(count, 0L));
  return filled_ > 0;
}

// False: the sink is full.
bool HostDirectory::pass_on(const Record& record, DirSink& sink, const MountPointNames* mount_points) {
  if (sink.wants_entries() && !is_dots(record.name)) return pass_on_entry(record, sink);
  return sink.add(record.name, number_of(record, mount_points), record.type, record.next);
}

bool HostDirectory::pass_on_entry(const Record& record, DirSink& sink) {
  // The name ends in the record, which the kernel wrote: it parses, but for a file system with longer names than ours.
  const Result<Name> name = Name::parse(record.name);
  if (!name) return true;
  if (node_->graft_at(name->text()) != nullptr) {
    Result<Entry> shown = node_->find(*name);
    return !shown || sink.add(name->text(), *std::move(shown), record.next);
  }
  const Result<FileStatus> status = status_of(fd_.get(), name->c_str());
  // Gone since it was listed: not an entry any more.
  if (!status && status.error() == Errno::no_entry) return true;
  Result<Entry> entry = status ? node_->entry(*status, fd_.get(), name->c_str()) : fail(status.error());
  if (!entry) {
    return sink.add(name->text(), node_->core().numbers.shown(node_->mount().device_index, record.inode), record.type,
                    record.next);
  }
  return sink.add(name->text(), *std::move(entry), record.next);
}

std::uint64_t HostDirectory::number_of(const Record& record, const MountPointNames* mount_points) const {
  const std::string_view name = record.name;
  if (name == ".") return node_->shown_inode();
  if (name == "..") return node_->shown_parent_inode();
  if (const HostNode* graft = node_->graft_at(name)) return graft->shown_inode();
  const Mount& mount = node_->mount();
  InodeNumbers& numbers = node_->core().numbers;
  bool is_listed_right = mount.lists_true_numbers && mount_points != nullptr;
  if (is_listed_right) {
    const auto names = mount_points->find(mount.id);
    is_listed_right = names == mount_points->end() || !names->second.contains(name);
  }
  if (is_listed_right) return numbers.shown(mount.device_index, record.inode);
  const Result<FileStatus> status = status_of(fd_.get(), record.name);
  if (!status) return numbers.shown(mount.device_index, record.inode);
  const std::uint32_t device = mount_key(*status) == mount.key
                                   ? mount.device_index
                                   : node_->core().mounts.of(*status, fd_.get(), record.name).device_index;
  return numbers.shown(device, status->stx_ino);
}

Task<> HostDirectory::fsync(const Request&, bool data_only) {
  if ((data_only ? ::fdatasync(fd_.get()) : ::fsync(fd_.get())) != 0) co_return static_cast<Errno>(errno);
  co_return Result<>();
}

Task<IoctlReply> HostDirectory::ioctl(const Request&, unsigned command, std::uint64_t, std::span<const std::byte> in,
                                      std::span<std::byte> out) {
  co_return pass_ioctl(fd(), command, in, out);
}

}  // namespace fusebox
