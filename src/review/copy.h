// Making files as another is, with all that belongs to them (review layer).
//
// Nothing is overwritten: a name that exists is EEXIST.  What fails half-way leaves the name behind; the caller takes
// it away.  Content and attributes of regular files and directories are durable on return; the name is not.
#pragma once

#include <string>
#include <string_view>

#include "review/tree.h"
#include "review/xattrs.h"

namespace fusebox::review {

// Anything but a directory: content (sharing blocks where the file system can, holes as holes), owner, mode, time of
// modification, extended attributes.
Result<> copy_file(const Tree& from, std::string_view path, const Status& status, const Xattrs& xattrs, int directory,
                   const std::string& name);

// An empty directory.
Result<> make_directory(const Status& status, const Xattrs& xattrs, int directory, const std::string& name);

// Owner, extended attributes (others of those that belong to a file are removed), mode, time of modification; of an
// O_PATH descriptor too.
Result<> set_attributes(int fd, const Status& status, const Xattrs& xattrs);
Result<> set_mtime(int fd, const timespec& mtime);

// fsync(2) of a directory's names.
Result<> sync_directory(int directory);

}  // namespace fusebox::review
