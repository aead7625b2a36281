// One file copied from descriptor to descriptor, so that nobody can tell the copy from it (cow layer).
#pragma once

#include "cow/overlay_format.h"
#include "fusebox/result.h"
#include "store/file_status.h"
#include "store/xattr.h"

namespace fusebox {

// All data of a regular file, into one that is new and empty.  Shares blocks where the file system can (FICLONE); else
// holes stay holes.
Result<> copy_data(int from, int to);

// Owner, mode, extended attributes with ACLs, and times.  `status` is the source's.  Attributes that the file system or
// the server's rights do not allow are left out.  Both may be O_PATH; `name` is the copy's in /proc/self/fd.
Result<> copy_attributes(const XattrTarget& from, const FileStatus& status, const XattrTarget& to,
                         const OverlayFormat& format);

// Access and modification time of what `fd` refers to, as `status` has them.
Result<> set_times(int fd, const FileStatus& status);

}  // namespace fusebox
