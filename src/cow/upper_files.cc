#include "cow/upper_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <vector>

#include "cow/file_copy.h"

namespace fusebox {
namespace {

Result<std::vector<std::string>> names_in(int directory) {
  std::vector<std::string> names;
  alignas(dirent64) std::array<char, std::size_t{32} * 1024> buffer;
  for (;;) {
    const ssize_t count = ::getdents64(directory, buffer.data(), buffer.size());
    if (count < 0) return fail_with_errno();
    if (count == 0) return names;
    for (ssize_t at = 0; at < count;) {
      const auto* record = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += record->d_reclen;
      const std::string_view name = record->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
  }
}

}  // namespace

KeepTimes::KeepTimes(int directory) : directory_(directory), before_(status_of(directory)) {}

KeepTimes::~KeepTimes() {
  if (before_) (void)set_times(directory_, *before_);
}

Result<> rename_at(int from, const char* name, int to, const char* new_name, unsigned flags) {
  if (::renameat2(from, name, to, new_name, flags) != 0) return fail_with_errno();
  return {};
}

Result<> unlink_at(int directory, const char* name, int flags) {
  if (::unlinkat(directory, name, flags) != 0) return fail_with_errno();
  return {};
}

Result<> link_at(const HostCore& core, int fd, int directory, const char* name) {
  if (::linkat(core.proc_fds.get(), DescriptorName(fd).c_str(), directory, name, AT_SYMLINK_FOLLOW) != 0) {
    return fail_with_errno();
  }
  return {};
}

Result<> remove_whiteouts(int directory) {
  const Fd listing(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listing) return fail_with_errno();
  const Result<std::vector<std::string>> names = names_in(listing.get());
  if (!names) return fail(names.error());
  for (const std::string& name : *names) {
    const Result<FileStatus> status = status_of(listing.get(), name.c_str());
    if (!status) return fail(status.error());
    const bool is_one = S_ISCHR(status->stx_mode) && status->stx_rdev_major == 0 && status->stx_rdev_minor == 0;
    if (!is_one) return fail(Errno{ENOTEMPTY});
    if (const Result<> gone = unlink_at(listing.get(), name.c_str()); !gone) return gone;
  }
  return {};
}

void discard_directory(CowCore& core, const std::string& name) {
  const Result<Lease> scratch = core.scratch->acquire(HostNode::Need::place);
  if (!scratch) return;
  const int place = (*scratch)->fd.get();
  const Fd directory(::openat(place, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory) (void)remove_whiteouts(directory.get());
  (void)unlink_at(place, name.c_str(), AT_REMOVEDIR);
}

Result<> cover(CowCore& core, int directory, const char* name, Covered what) {
  if (what == Covered::nothing) return make_whiteout(directory, name);
  const Result<Lease> scratch = core.scratch->acquire(HostNode::Need::place);
  if (!scratch) return fail(scratch.error());
  const int place = (*scratch)->fd.get();
  const std::string aside = core.scratch_name();
  if (const Result<> made = make_whiteout(place, aside.c_str()); !made) return made;
  const unsigned flags = what == Covered::directory ? RENAME_EXCHANGE : 0;
  const Result<> renamed = rename_at(place, aside.c_str(), directory, name, flags);
  if (!renamed) {
    (void)unlink_at(place, aside.c_str());
    return renamed;
  }
  if (what == Covered::directory) discard_directory(core, aside);
  return {};
}

}  // namespace fusebox
