#include "door/backing_files.h"

#include <sys/ioctl.h>

#include "wire/abi.h"

namespace fusebox::door {

Result<std::int32_t> BackingFiles::register_file(int fd) {
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
