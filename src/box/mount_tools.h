// Mounts made and placed by descriptor, never by a path that somebody else could bend.
//
// A mount here is an Fd from fsmount(2) or open_tree(2): detached and seen by nobody until it is attached.
#pragma once

#include <initializer_list>
#include <utility>

#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox::box {

enum class Extent { one_mount, whole_subtree };

using MountOption = std::pair<const char*, const char*>;

// A new instance of the file system `type`. `attributes`: MOUNT_ATTR_ bits of mount_setattr(2).
Result<Fd> new_mount(const char* type, std::initializer_list<MountOption> options, unsigned attributes);

// A copy of what is mounted at `path` below `directory`; with an empty path, of what `directory` itself stands for.
Result<Fd> clone_mount(int directory, const char* path, Extent extent);

// Adds MOUNT_ATTR_ bits to a mount, or to all of its subtree.
Result<> restrict_mount(const Fd& mount, unsigned attributes, Extent extent);

// An O_PATH descriptor of `path` below `directory`, symlinks followed nowhere.
Result<Fd> open_beneath(int directory, const char* path);

// Places a detached mount on what `target` stands for.
Result<> attach(const Fd& mount, const Fd& target);

}  // namespace fusebox::box
