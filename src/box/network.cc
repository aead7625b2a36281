#include "box/network.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "fusebox/fd.h"

namespace fusebox::box {

Outcome<> bring_up_loopback() {
  // Any family does for these ioctls (netdevice(7)); this one is in every kernel.
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  if (!socket || ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
    return std::unexpected(fault_with_errno("look at the box's loopback interface"));
  }
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    return std::unexpected(fault_with_errno("bring the box's loopback interface up"));
  }
  return {};
}

}  // namespace fusebox::box
