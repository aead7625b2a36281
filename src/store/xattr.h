// Extended attributes of a file that may be open as O_PATH only, and may be a symlink (store layer).
#pragma once

#include <cstddef>
#include <span>

#include "fusebox/result.h"
#include "store/descriptor_cache.h"

namespace fusebox {

struct HostCore;

// A file by one of our descriptors.
struct XattrTarget {
  XattrTarget(const HostCore& core, const Descriptor& descriptor);

  int proc_fds;
  int fd;
  bool readable;  // then fd takes f*xattr(2)
};

// As the system calls are: an empty `into` asks for the length, ERANGE where `into` is too short.
Result<std::size_t> get_xattr(const XattrTarget& target, const char* name, std::span<std::byte> into);
Result<> set_xattr(const XattrTarget& target, const char* name, std::span<const std::byte> value, int flags);
Result<> remove_xattr(const XattrTarget& target, const char* name);

// `shows_trusted`: list trusted.* too, which the kernel would show us and not every caller (xattr(7)).
Result<std::size_t> list_xattrs(const XattrTarget& target, std::span<std::byte> into, bool shows_trusted);

}  // namespace fusebox
