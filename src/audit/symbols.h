// Kernel numbers by their names, as the log writes them.
#pragma once

#include <string>

namespace fusebox::audit {

// Appends the O_ flags of open(2) as a JSON list: the access mode first, then one string per flag, and bits that have
// no name in one hexadecimal string.  O_LARGEFILE is left out: the kernel sets it on every open of a 64-bit program.
void append_open_flags(std::string& json, int flags);

// "ENOENT"; the number where it has no name.
std::string errno_name(int error);

}  // namespace fusebox::audit
