#include "base/descriptor_table.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

#include "fusebox/fd.h"

namespace fusebox {
namespace {

constexpr rlim_t kMostReserved = 16384;  // 128 KiB of the kernel's memory

void reserve(rlim_t descriptors) {
  const Fd any(::open("/", O_PATH | O_CLOEXEC));
  const Fd last(::fcntl(any.get(), F_DUPFD_CLOEXEC, static_cast<int>(descriptors) - 1));
}

}  // namespace

std::size_t use_all_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 128;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  reserve(std::min(limit.rlim_cur, kMostReserved));
  return limit.rlim_cur;
}

}  // namespace fusebox
