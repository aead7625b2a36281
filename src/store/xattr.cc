#include "store/xattr.h"

#include <linux/limits.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "store/host_core.h"

namespace fusebox {
namespace {

// Linux 6.13 (include/uapi/asm-generic/unistd.h, include/uapi/linux/xattr.h); the C library knows them not yet.
constexpr long kSetxattrat = 463;
constexpr long kGetxattrat = 464;
constexpr long kListxattrat = 465;
constexpr long kRemovexattrat = 466;

struct XattrArgs {
  std::uint64_t value;
  std::uint32_t size;
  std::uint32_t flags;
};
static_assert(sizeof(XattrArgs) == 16);

// Before Linux 6.13 there is no call that starts at a descriptor and takes an O_PATH file: only then, and for what is
// our own, a path from the root.
std::string absolute_path(const XattrTarget& target) { return "/proc/self/fd/" + std::to_string(target.fd); }

// By the link in /proc/self/fd, which is followed once: AT_EMPTY_PATH takes no O_PATH descriptor (fs/xattr.c).
template <class... Args>
long call_at(long number, const XattrTarget& target, Args... args) {
  return ::syscall(number, target.proc_fds, DescriptorName(target.fd).c_str(), 0, args...);
}

Result<std::size_t> length_of(long returned) {
  if (returned < 0) return fail_with_errno();
  return static_cast<std::size_t>(returned);
}

Result<> outcome_of(long returned) {
  if (returned != 0) return fail_with_errno();
  return {};
}

Result<std::size_t> list_all(const XattrTarget& target, std::span<std::byte> into) {
  auto* buffer = reinterpret_cast<char*>(into.data());
  if (target.readable) return length_of(::flistxattr(target.fd, buffer, into.size()));
  const long length = call_at(kListxattrat, target, buffer, into.size());
  if (length >= 0 || errno != ENOSYS) return length_of(length);
  return length_of(::listxattr(absolute_path(target).c_str(), buffer, into.size()));
}

}  // namespace

XattrTarget::XattrTarget(const HostCore& core, const Descriptor& descriptor)
    : proc_fds(core.proc_fds.get()), fd(descriptor.fd.get()), readable(descriptor.readable) {}

Result<std::size_t> get_xattr(const XattrTarget& target, const char* name, std::span<std::byte> into) {
  if (target.readable) return length_of(::fgetxattr(target.fd, name, into.data(), into.size()));
  XattrArgs args{.value = reinterpret_cast<std::uintptr_t>(into.data()),
                 .size = static_cast<std::uint32_t>(into.size()),
                 .flags = 0};
  const long length = call_at(kGetxattrat, target, name, &args, sizeof args);
  if (length >= 0 || errno != ENOSYS) return length_of(length);
  return length_of(::getxattr(absolute_path(target).c_str(), name, into.data(), into.size()));
}

Result<> set_xattr(const XattrTarget& target, const char* name, std::span<const std::byte> value, int flags) {
  if (target.readable) return outcome_of(::fsetxattr(target.fd, name, value.data(), value.size(), flags));
  XattrArgs args{.value = reinterpret_cast<std::uintptr_t>(value.data()),
                 .size = static_cast<std::uint32_t>(value.size()),
                 .flags = static_cast<std::uint32_t>(flags)};
  const long done = call_at(kSetxattrat, target, name, &args, sizeof args);
  if (done == 0 || errno != ENOSYS) return outcome_of(done);
  return outcome_of(::setxattr(absolute_path(target).c_str(), name, value.data(), value.size(), flags));
}

Result<> remove_xattr(const XattrTarget& target, const char* name) {
  if (target.readable) return outcome_of(::fremovexattr(target.fd, name));
  const long done = call_at(kRemovexattrat, target, name);
  if (done == 0 || errno != ENOSYS) return outcome_of(done);
  return outcome_of(::removexattr(absolute_path(target).c_str(), name));
}

Result<std::size_t> list_xattrs(const XattrTarget& target, std::span<std::byte> into, bool shows_trusted) {
  if (shows_trusted) return list_all(target, into);
  std::vector<std::byte> all(XATTR_LIST_MAX);
  const Result<std::size_t> length = list_all(target, all);
  if (!length) return length;
  std::string shown;
  std::string_view rest(reinterpret_cast<const char*>(all.data()), *length);
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find('\0') + 1);
    if (!name.starts_with("trusted.")) shown += name;
    rest.remove_prefix(name.size());
  }
  if (into.empty()) return shown.size();
  if (shown.size() > into.size()) return fail(Errno::out_of_range);
  std::memcpy(into.data(), shown.data(), shown.size());
  return shown.size();
}

}  // namespace fusebox
