#include "door/mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace fusebox::door {
namespace {

// What the kernel says of a failed fsconfig(2); empty when it says nothing.  Messages look like "e text".
std::string kernel_message(const Fd& context) {
  std::array<char, 512> text{};
  const ssize_t length = ::read(context.get(), text.data(), text.size());
  if (length <= 2) return {};
  std::string_view message(text.data() + 2, static_cast<std::size_t>(length) - 2);
  while (!message.empty() && message.back() == '\n') message.remove_suffix(1);
  return std::string(message);
}

Fault mount_fault(const Fd& context, std::string what) {
  Fault fault = fault_with_errno(std::move(what), "fusebox doctor says what this machine lacks");
  const std::string message = kernel_message(context);
  if (!message.empty()) fault.why += ", " + message;
  return fault;
}

int configure(const Fd& context, unsigned command, const char* key, const char* value) {
  return static_cast<int>(::syscall(SYS_fsconfig, context.get(), command, key, value, 0));
}

bool configure_all(const Fd& context, const Fd& device, const MountOptions& options) {
  const std::string fd = std::to_string(device.get());
  return configure(context, FSCONFIG_SET_STRING, "source", options.source.c_str()) == 0 &&
         configure(context, FSCONFIG_SET_STRING, "subtype", options.subtype.c_str()) == 0 &&
         configure(context, FSCONFIG_SET_STRING, "fd", fd.c_str()) == 0 &&
         configure(context, FSCONFIG_SET_STRING, "rootmode", "40000") == 0 &&
         configure(context, FSCONFIG_SET_STRING, "user_id", std::to_string(::getuid()).c_str()) == 0 &&
         configure(context, FSCONFIG_SET_STRING, "group_id", std::to_string(::getgid()).c_str()) == 0 &&
         (!options.allow_other || configure(context, FSCONFIG_SET_FLAG, "allow_other", nullptr) == 0) &&
         (!options.default_permissions || configure(context, FSCONFIG_SET_FLAG, "default_permissions", nullptr) == 0) &&
         configure(context, FSCONFIG_CMD_CREATE, nullptr, nullptr) == 0;
}

bool is_fuse_device(const Fd& device) {
  constexpr unsigned kMiscMajor = 10;   // include/uapi/linux/major.h: MISC_MAJOR
  constexpr unsigned kFuseMinor = 229;  // include/linux/miscdevice.h: FUSE_MINOR
  struct stat status{};
  return ::fstat(device.get(), &status) == 0 && S_ISCHR(status.st_mode) &&
         status.st_rdev == makedev(kMiscMajor, kFuseMinor);
}

}  // namespace

Outcome<DetachedMount> create_detached_mount(const MountOptions& options) {
  DetachedMount result;
  result.device = Fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!result.device) {
    return std::unexpected(fault_with_errno("open /dev/fuse", errno == ENOENT || errno == ENODEV
                                                                  ? "load the kernel's module: modprobe fuse"
                                                                  : "run as root, or let users open it (chmod 666)"));
  }
  if (!is_fuse_device(result.device)) {
    return std::unexpected(Fault{.what = "open /dev/fuse",
                                 .why = "what stands there is not the FUSE device",
                                 .remedy = "in a container, pass it in: --device /dev/fuse"});
  }
  const Fd context(static_cast<int>(::syscall(SYS_fsopen, "fuse", FSOPEN_CLOEXEC)));
  if (!context) return std::unexpected(fault_with_errno("fsopen fuse", errno == EPERM ? "run as root" : ""));
  if (!configure_all(context, result.device, options)) return std::unexpected(mount_fault(context, "mount fuse"));
  const unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (options.read_only ? MOUNT_ATTR_RDONLY : 0U);
  result.mount = Fd(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, attributes)));
  if (!result.mount) return std::unexpected(mount_fault(context, "fsmount"));
  return result;
}

Outcome<> attach(Fd mount, const std::string& path) {
  if (::syscall(SYS_move_mount, mount.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) < 0) {
    return std::unexpected(fault_with_errno("mount on " + path));
  }
  return {};
}

}  // namespace fusebox::door
