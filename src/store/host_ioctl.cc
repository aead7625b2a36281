#include "store/host_ioctl.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace fusebox {

Result<IoctlReply> pass_ioctl(int fd, unsigned command, std::span<const std::byte> in, std::span<std::byte> out) {
  constexpr std::array<unsigned, 4> kPassed = {FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR};
  if (std::ranges::find(kPassed, command) == kPassed.end()) return fail(static_cast<Errno>(ENOTTY));
  alignas(fsxattr) std::array<std::byte, sizeof(fsxattr)> data{};
  std::ranges::copy(in.first(std::min(in.size(), data.size())), data.begin());
  const int result = ::ioctl(fd, command, data.data());
  if (result < 0) return fail_with_errno();
  const std::size_t size = std::min(out.size(), data.size());
  std::ranges::copy_n(data.begin(), static_cast<std::ptrdiff_t>(size), out.begin());
  return IoctlReply{.result = result, .size = size};
}

}  // namespace fusebox
