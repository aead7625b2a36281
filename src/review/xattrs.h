// Extended attributes of a file, all at once (review layer).
#pragma once

#include <map>
#include <string>

#include "fusebox/result.h"

namespace fusebox::review {

using Xattrs = std::map<std::string, std::string>;

// `fd` may be an O_PATH descriptor, and of a symlink.  None where the file system has no such thing.
Result<Xattrs> read_xattrs(int fd);
Result<> set_xattr(int fd, const std::string& name, const std::string& value);
Result<> remove_xattr(int fd, const std::string& name);  // no error where there is none of that name

// The attributes that are part of a file, and neither a mark of its file system nor of a security module's own: what
// users set, access control lists, capabilities.
bool is_carried(const std::string& name);

}  // namespace fusebox::review
