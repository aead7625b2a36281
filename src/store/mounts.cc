#include "store/mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>

#include <mutex>

#include "store/file_handle.h"

namespace fusebox {
namespace {

constexpr long kXfsMagic = 0x58465342;   // "XFSB", fs/xfs/libxfs/xfs_format.h
constexpr long kF2fsMagic = 0xF2F52010;  // linux/magic.h has it, older ones not

// File systems whose d_ino is the st_ino for everything on the same device.
bool lists_true_numbers(int fd) {
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) return false;
  const long type = info.f_type;
  return type == EXT4_SUPER_MAGIC || type == TMPFS_MAGIC || type == kXfsMagic || type == kF2fsMagic ||
         type == RAMFS_MAGIC;
}

bool opens_handles(int fd) {
  const Result<FileHandle> handle = FileHandle::of(fd);
  return handle && handle->open(fd, O_PATH).has_value();
}

}  // namespace

const Mount& Mounts::of(const FileStatus& status, int directory, const char* name) {
  const std::uint64_t key = mount_key(status);
  {
    const std::shared_lock lock(mutex_);
    const auto found = mounts_.find(key);
    if (found != mounts_.end()) return *found->second;
  }
  Fd opened;
  if (S_ISDIR(status.stx_mode)) {
    const char* path = name != nullptr ? name : ".";
    opened = Fd(::openat(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    const Result<FileStatus> same = opened ? status_of(opened.get()) : fail(Errno::stale);
    if (!same || mount_key(*same) != key) opened.reset();
  }
  return add(status, std::move(opened));
}

const Mount& Mounts::add(const FileStatus& status, Fd opened) {
  auto mount = std::make_unique<Mount>();
  mount->key = mount_key(status);
  mount->id = static_cast<std::uint32_t>(mount->key >> 32);
  mount->device_index = numbers_.device_index(mount->key & 0xFFFFFFFF);
  if (opened) {
    mount->lists_true_numbers = lists_true_numbers(opened.get());
    if (opens_handles(opened.get())) mount->anchor = std::move(opened);
  }
  const std::lock_guard lock(mutex_);
  return *mounts_.try_emplace(mount->key, std::move(mount)).first->second;
}

}  // namespace fusebox
