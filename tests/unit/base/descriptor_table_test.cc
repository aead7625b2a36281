#include "base/descriptor_table.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace fusebox {
namespace {

// What the kernel has room for (proc_pid_status(5), FDSize).
std::size_t table_size() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("FDSize:")) return std::stoul(line.substr(7));
  }
  return 0;
}

TEST(DescriptorTable, HasRoomBeforeDescriptorsAreOpened) {
  const std::size_t limit = use_all_descriptors();
  EXPECT_GE(table_size(), std::min<std::size_t>(limit, 16384));
}

TEST(DescriptorTable, TheSoftLimitIsTheHardOne) {
  const std::size_t limit = use_all_descriptors();
  rlimit now{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
  EXPECT_EQ(now.rlim_cur, now.rlim_max);
  EXPECT_EQ(now.rlim_cur, limit);
}

}  // namespace
}  // namespace fusebox
