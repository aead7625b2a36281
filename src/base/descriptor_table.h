// The process's table of descriptors.
#pragma once

#include <cstddef>

namespace fusebox {

// Raises the soft limit of descriptors to the hard one, and makes room for them in the kernel's table.  Gives the
// limit.
//
// Before the first thread: a table that threads share grows, at the 64th descriptor, the 128th and so on, only when all
// processors have passed through a quiet state (fs/file.c: expand_fdtable, synchronize_rcu), and who opened the file
// waits for that, 10 ms each time.  While there is one thread, it costs nothing.
std::size_t use_all_descriptors();

}  // namespace fusebox
