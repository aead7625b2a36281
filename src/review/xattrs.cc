#include "review/xattrs.h"

#include <linux/limits.h>
#include <sys/xattr.h>

#include <string_view>

#include "review/tree.h"

namespace fusebox::review {
namespace {

Result<std::string> value_of(const std::string& file, const std::string& name) {
  std::string value(XATTR_SIZE_MAX, '\0');
  const ssize_t length = ::getxattr(file.c_str(), name.c_str(), value.data(), value.size());
  if (length < 0) return fail_with_errno();
  value.resize(static_cast<std::size_t>(length));
  return value;
}

}  // namespace

Result<Xattrs> read_xattrs(int fd) {
  const std::string file = descriptor_path(fd);
  std::string list(XATTR_LIST_MAX, '\0');
  const ssize_t length = ::listxattr(file.c_str(), list.data(), list.size());
  if (length < 0 && errno == ENOTSUP) return Xattrs();
  if (length < 0) return fail_with_errno();
  Xattrs xattrs;
  std::string_view rest(list.data(), static_cast<std::size_t>(length));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(name.size() + 1);
    Result<std::string> value = value_of(file, name);
    if (!value && value.error() == Errno::no_data) continue;
    if (!value) return fail(value.error());
    xattrs.emplace(name, *std::move(value));
  }
  return xattrs;
}

Result<> set_xattr(int fd, const std::string& name, const std::string& value) {
  if (::setxattr(descriptor_path(fd).c_str(), name.c_str(), value.data(), value.size(), 0) < 0) {
    return fail_with_errno();
  }
  return {};
}

Result<> remove_xattr(int fd, const std::string& name) {
  if (::removexattr(descriptor_path(fd).c_str(), name.c_str()) < 0 && errno != ENODATA) return fail_with_errno();
  return {};
}

bool is_carried(const std::string& name) {
  return name.starts_with("user.") || name.starts_with("trusted.") || name == "security.capability" ||
         name == "system.posix_acl_access" || name == "system.posix_acl_default";
}

}  // namespace fusebox::review
