#include "door/backing_files.h"

#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "wire/abi.h"

namespace fusebox::door {
namespace {

// This thread without CAP_FSETID.  The kernel writes to a backing file with the rights that its registration had
// (fs/fuse/backing.c), whoever writes: with this one, a file would keep set-id bits that it was given while it is open.
class WithoutFsetid {
 public:
  WithoutFsetid() {
    if (::syscall(SYS_capget, &header_, before_.data()) != 0) return;
    auto without = before_;
    without[0].effective &= ~(1U << CAP_FSETID);
    ready_ = ::syscall(SYS_capset, &header_, without.data()) == 0;
  }
  ~WithoutFsetid() {
    // Back to what was allowed before; a failure would leave the thread with the wrong rights.
    if (ready_ && ::syscall(SYS_capset, &header_, before_.data()) != 0) std::abort();
  }
  WithoutFsetid(const WithoutFsetid&) = delete;
  WithoutFsetid& operator=(const WithoutFsetid&) = delete;

  bool ready() const { return ready_; }

 private:
  static_assert(CAP_FSETID < 32);
  __user_cap_header_struct header_{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> before_{};
  bool ready_ = false;
};

}  // namespace

Result<std::int32_t> BackingFiles::register_file(int fd) {
  const WithoutFsetid rights;
  if (!rights.ready()) return fail_with_errno();
  const wire::BackingMap map{.fd = fd, .flags = 0, .padding = 0};
  const int id = ::ioctl(device_, wire::kIoctlBackingOpen, &map);
  if (id <= 0) return fail_with_errno();
  return id;
}

void BackingFiles::unregister(std::int32_t id) {
  auto number = static_cast<std::uint32_t>(id);
  // Fails only when the connection has ended, and all registrations with it.
  static_cast<void>(::ioctl(device_, wire::kIoctlBackingClose, &number));
}

}  // namespace fusebox::door
