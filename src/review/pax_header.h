// The header of one member of a tar file, in POSIX's pax format (review layer).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <string>

#include "review/xattrs.h"

namespace fusebox::review {

inline constexpr std::size_t kTarBlock = 512;  // headers and contents fill up whole ones

// Its `typeflag` (POSIX, pax).
enum class TarType : char {
  regular = '0',
  hard_link = '1',
  symlink = '2',
  character_device = '3',
  block_device = '4',
  directory = '5',
  fifo = '6',
};

struct TarMember {
  std::string name;  // any bytes, of any length; a directory's ends in a slash
  TarType type = TarType::regular;
  mode_t permissions = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  std::uint64_t size = 0;  // of the contents that follow
  timespec mtime{};
  std::string link{};  // what a link of either kind leads to
  dev_t device = 0;    // of a device node
  Xattrs xattrs{};     // as SCHILY.xattr, which GNU tar, libarchive and container tools read
};

// In whole blocks: the member's own header, and where something does not fit into it the extended header before that.
std::string pax_header(const TarMember& member);

}  // namespace fusebox::review
