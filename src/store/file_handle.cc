#include "store/file_handle.h"

#include <fcntl.h>

#include <array>
#include <cstring>

namespace fusebox {

Result<FileHandle> FileHandle::of(int fd) { return take(fd, "", AT_EMPTY_PATH); }
Result<FileHandle> FileHandle::of(int directory, const char* name) { return take(directory, name, 0); }

Result<FileHandle> FileHandle::take(int directory, const char* name, int flags) {
  alignas(::file_handle) std::array<std::byte, sizeof(::file_handle) + MAX_HANDLE_SZ> room{};
  auto* handle = reinterpret_cast<::file_handle*>(room.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  if (::name_to_handle_at(directory, name, handle, &mount_id, flags) != 0) return fail_with_errno();
  const std::size_t size = sizeof(::file_handle) + handle->handle_bytes;
  FileHandle taken;
  taken.bytes_ = std::make_unique_for_overwrite<std::byte[]>(size);
  std::memcpy(taken.bytes_.get(), room.data(), size);
  return taken;
}

Result<Fd> FileHandle::open(int anchor, int flags) const {
  const int fd = ::open_by_handle_at(anchor, reinterpret_cast<::file_handle*>(bytes_.get()), flags | O_CLOEXEC);
  if (fd < 0) return fail_with_errno();
  return Fd(fd);
}

std::uint64_t FileHandle::hash() const {
  // FNV-1a: short input, no adversary (the file system chooses the bytes).
  constexpr std::uint64_t kOffset = 0xcbf29ce484222325;
  constexpr std::uint64_t kPrime = 0x100000001b3;
  const auto* handle = reinterpret_cast<const ::file_handle*>(bytes_.get());
  std::uint64_t hash = kOffset;
  for (unsigned i = 0; i < handle->handle_bytes; ++i) hash = (hash ^ handle->f_handle[i]) * kPrime;
  return hash;
}

}  // namespace fusebox
