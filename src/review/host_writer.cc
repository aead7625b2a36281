#include "review/host_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "review/copy.h"
#include "review/remove.h"

namespace fusebox::review {
namespace {

Result<> exchange(int parent, const std::string& a, const std::string& b) {
  if (::renameat2(parent, a.c_str(), parent, b.c_str(), RENAME_EXCHANGE) < 0) return fail_with_errno();
  return {};
}

}  // namespace

Result<HostWriter::Place> HostWriter::place_of(std::string_view path, std::uint64_t inode) const {
  Result<Fd> parent = layers_.host.open(parent_of(path), O_RDONLY | O_DIRECTORY);
  if (!parent) return fail(parent.error());
  return Place{.parent = *std::move(parent),
               .name = std::string(name_of(path)),
               .temporary = ".fusebox-" + word_ + "-" + std::to_string(inode)};
}

Result<> HostWriter::clear(std::string_view path, std::uint64_t inode) const {
  const auto place = place_of(path, inode);
  if (!place && (place.error() == Errno::no_entry || place.error() == Errno::not_directory)) return {};
  if (!place) return fail(place.error());
  return remove_tree(place->parent.get(), place->temporary);
}

Result<> HostWriter::put(std::string_view path, const Entry& entry) const {
  const auto place = place_of(path, entry.status.inode);
  if (!place) return fail(place.error());
  const int parent = place->parent.get();
  const bool is_directory = entry.status.is_directory();
  Result<> made = is_directory ? make_directory(entry.status, entry.xattrs, parent, place->temporary)
                               : copy_file(layers_.upper, path, entry.status, entry.xattrs, parent, place->temporary);
  if (made) made = install(*place, is_directory);
  if (!made) (void)remove_tree(parent, place->temporary);
  return made;
}

Result<> HostWriter::link(std::string_view path, const Entry& entry, std::string_view existing) const {
  const auto place = place_of(path, entry.status.inode);
  if (!place) return fail(place.error());
  const Result<Fd> file = layers_.host.open(existing, O_PATH);
  if (!file) return fail(file.error());
  const int parent = place->parent.get();
  if (::linkat(AT_FDCWD, descriptor_path(file->get()).c_str(), parent, place->temporary.c_str(), AT_SYMLINK_FOLLOW) <
      0) {
    return fail_with_errno();
  }
  const Result<> installed = install(*place, false);
  // Where both names were the same file already, rename(2) does nothing.
  const Result<> cleared = remove_tree(parent, place->temporary);
  return installed ? cleared : installed;
}

Result<> HostWriter::install(const Place& place, bool is_directory) {
  const int parent = place.parent.get();
  struct stat there{};
  const bool exists = ::fstatat(parent, place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
  if (!exists && errno != ENOENT) return fail_with_errno();
  const bool takes_exchange = exists && (is_directory || S_ISDIR(there.st_mode));
  if (!takes_exchange) {
    const unsigned flags = exists ? 0 : RENAME_NOREPLACE;
    if (::renameat2(parent, place.temporary.c_str(), parent, place.name.c_str(), flags) < 0) return fail_with_errno();
    return {};
  }
  if (const Result<> exchanged = exchange(parent, place.temporary, place.name); !exchanged) return exchanged;
  if (const Result<> synced = sync_directory(parent); !synced) return synced;
  return remove_tree(parent, place.temporary);
}

Result<> HostWriter::remove(std::string_view path, std::uint64_t inode) const {
  const auto place = place_of(path, inode);
  if (!place) return fail(place.error());
  const int parent = place->parent.get();
  if (::unlinkat(parent, place->name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return fail_with_errno();
  if (::renameat2(parent, place->name.c_str(), parent, place->temporary.c_str(), RENAME_NOREPLACE) < 0) {
    return fail_with_errno();
  }
  if (const Result<> synced = sync_directory(parent); !synced) return synced;
  return remove_tree(parent, place->temporary);
}

Result<> HostWriter::sync(std::string_view directory) const {
  const Result<Fd> opened = layers_.host.open(directory, O_RDONLY | O_DIRECTORY);
  if (!opened) return fail(opened.error());
  return sync_directory(opened->get());
}

}  // namespace fusebox::review
