// A directory tree that is reached by its top directory alone (review layer).
//
// Paths are relative to the top: names with single slashes between them, "" for the top itself.  No symlink is ever
// followed, wherever it stands, so no path leads out of the tree.  Nothing is cached; each call is as of now.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox::review {

// What statx(2) says of a file.
struct Status {
  mode_t mode = 0;  // type and permissions
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t device = 0;  // that it lies on
  dev_t rdev = 0;    // that it is
  std::uint64_t inode = 0;
  std::uint64_t links = 0;
  std::uint64_t size = 0;    // bytes
  std::uint64_t blocks = 0;  // of 512 bytes
  timespec mtime{};
  timespec ctime{};
  std::optional<timespec> btime{};  // where the file system knows it

  mode_t type() const { return mode & S_IFMT; }
  mode_t permissions() const { return mode & 07777; }
  bool is_directory() const { return S_ISDIR(mode); }
  bool is_regular() const { return S_ISREG(mode); }
};

bool is_later(const timespec& a, const timespec& b);
bool is_same(const timespec& a, const timespec& b);

Result<Status> status_of(int fd);

// "" and "a" make "a"; "a" and "b" make "a/b".
std::string join(std::string_view directory, std::string_view name);
std::string_view parent_of(std::string_view path);  // "" for a name in the top
std::string_view name_of(std::string_view path);
// Does `path` lie at `top` or below it?
bool is_within(std::string_view path, std::string_view top);

// Longer paths than this are refused (ENAMETOOLONG): a chain of directories can be made as deep as a disk is large.
inline constexpr std::size_t kLongestPath = 16 * 1024;

class Tree {
 public:
  explicit Tree(Fd top) : top_(std::move(top)) {}

  // O_CLOEXEC and O_NOFOLLOW are added.
  Result<Fd> open(std::string_view path, int flags) const;
  // A regular file, to be read; anything else is ESTALE, and is not opened: whoever reads what he took for one a moment
  // ago must not open a device (a box in use may put one there).
  Result<Fd> open_file(std::string_view path) const;
  // Nothing where there is no such file, or a symlink or another file where a directory would have to be.
  Result<std::optional<Status>> find(std::string_view path) const;
  // The names in a directory, in the order of their bytes.
  Result<std::vector<std::string>> names(std::string_view path) const;
  Result<std::string> readlink(std::string_view path) const;

 private:
  Fd top_;
};

// The name of a descriptor for calls that take no O_PATH descriptor but a path; the kernel follows it to the file
// itself, a symlink included, and no further.
std::string descriptor_path(int fd);

// The names in an open directory, in the order of their bytes.
Result<std::vector<std::string>> names_in(Fd directory);

}  // namespace fusebox::review
