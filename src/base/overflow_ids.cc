#include "base/overflow_ids.h"

#include <fstream>

namespace fusebox {
namespace {

unsigned id_in(const char* path) {
  constexpr unsigned kUsual = 65534;  // proc_sys_kernel(5)
  unsigned id = 0;
  return std::ifstream(path) >> id ? id : kUsual;
}

}  // namespace

OverflowIds overflow_ids() {
  return {.uid = id_in("/proc/sys/kernel/overflowuid"), .gid = id_in("/proc/sys/kernel/overflowgid")};
}

}  // namespace fusebox
