// Registration of files for passthrough: the kernel then reads and writes them itself.
#pragma once

#include <cstdint>

#include "fusebox/result.h"

#pragma GCC visibility push(default)
namespace fusebox {

// Called by several threads at once, always with the server's own credentials: I/O on the file happens with those.
class Backing {
 public:
  virtual ~Backing() = default;

  // The id of a regular file, positive.  `fd` may be O_PATH, and may be closed afterwards: the id outlives it.  EPERM:
  // the kernel does not let this server do so; it will not do so later either.
  virtual Result<std::int32_t> register_file(int fd) = 0;
  virtual void unregister(std::int32_t id) = 0;
};

}  // namespace fusebox
#pragma GCC visibility pop
