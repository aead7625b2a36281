#include "review/remove.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "review/tree.h"

namespace fusebox::review {
namespace {

Result<Fd> open_here(int directory, const std::string& name) {
  open_how how{.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
               .mode = 0,
               .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
  long fd = ::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how);
  if (fd < 0 && errno == EACCES && ::fchmodat(directory, name.c_str(), 0700, AT_SYMLINK_NOFOLLOW) == 0) {
    fd = ::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how);
  }
  if (fd < 0) return fail_with_errno();
  return Fd(static_cast<int>(fd));
}

// True: it is gone.  False: it is a directory that holds something.
Result<bool> remove_one(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR && errno != EPERM) return fail_with_errno();
  if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  if (errno != ENOTEMPTY && errno != EEXIST) return fail_with_errno();
  return false;
}

Result<std::vector<std::string>> names_below(int directory, const std::string& name) {
  Result<Fd> opened = open_here(directory, name);
  if (!opened) return fail(opened.error());
  return names_in(*std::move(opened));
}

// A directory's directories move up beside it, so that no depth needs a descriptor or a frame for each level.
class Leveller {
 public:
  explicit Leveller(int top) : top_(top) {}

  Result<> empty_directory(const std::string& name) {
    const Result<Fd> directory = open_here(top_, name);
    if (!directory) return fail(directory.error());
    const auto names = names_below(top_, name);
    if (!names) return fail(names.error());
    for (const std::string& below : *names) {
      const Result<bool> removed = remove_one(directory->get(), below);
      if (!removed) return fail(removed.error());
      if (*removed) continue;
      if (const Result<> moved = move_up(directory->get(), below); !moved) return moved;
    }
    return {};
  }

 private:
  Result<> move_up(int directory, const std::string& name) {
    // Before it moves: a mount point is not ours to empty.
    if (const Result<Fd> opened = open_here(directory, name); !opened) return fail(opened.error());
    for (;;) {
      const std::string free_name = ".removed-" + std::to_string(++count_);
      if (::renameat2(directory, name.c_str(), top_, free_name.c_str(), RENAME_NOREPLACE) == 0) return {};
      if (errno != EEXIST) return fail_with_errno();
    }
  }

  int top_;
  std::uint64_t count_ = 0;
};

}  // namespace

Result<> remove_tree(int directory, const std::string& name) {
  Result<bool> removed = remove_one(directory, name);
  if (!removed) return fail(removed.error());
  if (*removed) return {};
  const Result<Fd> top = open_here(directory, name);
  if (!top) return fail(top.error());
  Leveller leveller(top->get());
  for (;;) {
    const auto names = names_below(directory, name);
    if (!names) return fail(names.error());
    if (names->empty()) break;
    for (const std::string& below : *names) {
      removed = remove_one(top->get(), below);
      if (!removed) return fail(removed.error());
      if (*removed) continue;
      if (const Result<> emptied = leveller.empty_directory(below); !emptied) return emptied;
    }
  }
  removed = remove_one(directory, name);
  if (!removed) return fail(removed.error());
  return {};
}

}  // namespace fusebox::review
