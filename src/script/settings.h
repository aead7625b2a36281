// What a script says of its file system before it is mounted: the attributes of the module FUSE.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fusebox::script {

enum class Forget : std::uint8_t {
  unchanged,  // objects that no request has changed, and whose instance variables are as `initialize` left them
  all,        // every object that the kernel has forgotten
  none,
};

struct Settings {
  std::string path;     // the mount point; the command line's comes first
  std::string source;   // FUSE.fsname: what mountinfo shows
  std::string subtype;  // and as the type, behind "fuse."
  uid_t uid = 0;
  gid_t gid = 0;
  bool owner_alone = false;          // FUSE.allow_root: nobody else but root, who serves it
  bool read_only = false;            // "-o ro"
  bool debug = false;                // "-d"
  bool background = false;           // FUSE.daemonize
  bool extended_attributes = false;  // the class has hooks for them
  Forget forget = Forget::unchanged;
  std::chrono::nanoseconds entries_valid{};     // how long the kernel may remember where a name leads
  std::chrono::nanoseconds attributes_valid{};  // and what on_getattr said, unless that has an st_valid
  // The kernel asks for a directory's attributes before each walk through it, to check permissions, unless it may keep
  // them: as long as the names in it, that is.
  std::chrono::nanoseconds directories_valid{};
  std::chrono::nanoseconds hook_limit{};
};

}  // namespace fusebox::script
