// Which names of a mount have another mount on them (store layer).
//
// readdir(3) below gives the inode number of the covered directory there, stat(2) that of what covers it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "fusebox/fd.h"

namespace fusebox {

// The last components of the mount points on each mount (by mount id).
using MountPointNames = std::map<std::uint32_t, std::set<std::string, std::less<>>>;

// From the text of /proc/PID/mountinfo (proc(5)).
MountPointNames parse_mountinfo(std::string_view text);

class MountPoints {
 public:
  // `mountinfo`: an open /proc/self/mountinfo.
  explicit MountPoints(Fd mountinfo) : mountinfo_(std::move(mountinfo)) {}

  // As of now: the file is read again when the kernel says that it changed.  Null: not known.
  std::shared_ptr<const MountPointNames> now();

 private:
  Fd mountinfo_;
  std::mutex mutex_;
  std::shared_ptr<const MountPointNames> names_;
};

}  // namespace fusebox
