// The methods by which a script answers requests, and what they answered.
#pragma once

#include <sys/statvfs.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fusebox/attr.h"
#include "fusebox/result.h"

namespace fusebox::script {

enum class Hook : std::uint8_t {
  getattr,
  readdir,
  open,
  read,
  read_all,
  write,
  truncate,
  release,
  readlink,
  create,
  mkdir,
  unlink,
  rmdir,
  rename,
  symlink,
  link,
  chmod,
  chown,
  utimens,
  getxattr,
  setxattr,
  listxattr,
  removexattr,
  fsync,
  statfs,
};

inline constexpr std::array<const char*, 25> kHookNames = {
    "on_getattr",   "on_readdir",     "on_open",   "on_read",  "on_read_all", "on_write",    "on_truncate",
    "on_release",   "on_readlink",    "on_create", "on_mkdir", "on_unlink",   "on_rmdir",    "on_rename",
    "on_symlink",   "on_link",        "on_chmod",  "on_chown", "on_utimens",  "on_getxattr", "on_setxattr",
    "on_listxattr", "on_removexattr", "on_fsync",  "on_statfs"};

constexpr const char* name_of(Hook hook) { return kHookNames[static_cast<std::size_t>(hook)]; }

// Hooks that ask for a change of the object: it is no longer what `initialize` made of it.
constexpr bool changes(Hook hook) {
  switch (hook) {
    case Hook::getattr:
    case Hook::readdir:
    case Hook::open:
    case Hook::read:
    case Hook::read_all:
    case Hook::release:
    case Hook::readlink:
    case Hook::getxattr:
    case Hook::listxattr:
    case Hook::fsync:
    case Hook::statfs:
      return false;
    default:
      return true;
  }
}

// An argument of a hook.
using Argument = std::variant<std::int64_t, std::optional<std::int64_t>, bool, std::string>;

// What a hook is asked.
struct Question {
  Hook hook{};
  std::string path;  // of the receiver
  std::vector<Argument> arguments{};
  std::uint64_t offset = 0;  // on_read, on_read_all: the window; on_write: `size` bytes are offered
  std::size_t size = 0;
};

// What it gave.  `error` is 0 where it succeeded.
struct Answer {
  int error = 0;
  bool absent = false;               // no such method
  std::int64_t number = 0;           // on_write: bytes taken
  std::string text{};                // on_read*, on_readlink, on_getxattr
  std::vector<std::string> names{};  // on_readdir, on_listxattr
  Attr attr{};                       // on_getattr
  struct statvfs statfs{};           // on_statfs
  bool has_release = false;          // on_open, on_create: the object has an on_release
};

}  // namespace fusebox::script
