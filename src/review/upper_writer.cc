#include "review/upper_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "review/copy.h"
#include "review/fill.h"

namespace fusebox::review {

Result<> UpperWriter::set_mark(std::string_view path, const std::string& name, const std::string& value) const {
  const Result<Fd> file = layers_.upper.open(path, O_RDONLY | O_DIRECTORY);
  if (!file) return fail(file.error());
  if (const Result<> set = set_xattr(file->get(), name, value); !set) return set;
  if (::fsync(file->get()) < 0) return fail_with_errno();
  return {};
}

Result<> UpperWriter::remove_mark(std::string_view path, const std::string& name) const {
  const Result<Fd> file = layers_.upper.open(path, O_RDONLY | O_DIRECTORY);
  if (!file) return fail(file.error());
  if (const Result<> removed = remove_xattr(file->get(), name); !removed) return removed;
  if (::fsync(file->get()) < 0) return fail_with_errno();
  return {};
}

Result<> UpperWriter::drop(std::string_view path, bool is_directory) const {
  const Result<Fd> parent = layers_.upper.open(parent_of(path), O_RDONLY | O_DIRECTORY);
  if (!parent) return fail(parent.error());
  const std::string name(name_of(path));
  const int removed = ::unlinkat(parent->get(), name.c_str(), is_directory ? AT_REMOVEDIR : 0);
  if (removed < 0 && errno != ENOENT) return fail_with_errno();
  return {};
}

// Once its parent is merged, what a name hid only because the parent did has to be hidden by itself.
Outcome<> UpperWriter::hide_again(const Directory& directory, std::string_view host_path, const std::string& name,
                                  bool is_there) const {
  const std::string path = join(directory.path, name);
  if (!is_there) {
    const Result<Fd> parent = layers_.upper.open(directory.path, O_RDONLY | O_DIRECTORY);
    if (!parent) return std::unexpected(fault_at(directory.path, parent.error()));
    if (::mknodat(parent->get(), name.c_str(), S_IFCHR, 0) < 0 && errno != EEXIST) {
      return std::unexpected(fault_at(path, static_cast<Errno>(errno)));
    }
    return {};
  }
  const auto entry = entry_of(layers_.upper, path, layers_.space);
  if (!entry) return std::unexpected(fault_at(path, entry.error()));
  if (!*entry || !(*entry)->status.is_directory() || (*entry)->marks.opaque || (*entry)->marks.redirect) return {};
  const auto there = layers_.host.find(join(host_path, name));
  if (!there || !*there || !(*there)->is_directory()) return {};
  const Result<> marked = set_mark(path, opaque_name(layers_.space), "y");
  if (!marked) return std::unexpected(fault_at(path, marked.error()));
  return {};
}

Outcome<> UpperWriter::merge(const Directory& directory, std::string_view host_path) const {
  const auto ours = layers_.upper.names(directory.path);
  if (!ours) return std::unexpected(fault_at(directory.path, ours.error()));
  const auto theirs = layers_.host.names(host_path);
  if (!theirs) return std::unexpected(fault_at(host_path, theirs.error()));
  for (const std::string& name : *theirs) {
    const bool is_there = std::ranges::binary_search(*ours, name);
    if (const Outcome<> hidden = hide_again(directory, host_path, name, is_there); !hidden) return hidden;
  }
  const Result<Fd> opened = layers_.upper.open(directory.path, O_RDONLY | O_DIRECTORY);
  if (!opened) return std::unexpected(fault_at(directory.path, opened.error()));
  // To the box, nothing has happened.
  if (const Result<> set = set_mtime(opened->get(), directory.status.mtime); !set) {
    return std::unexpected(fault_at(directory.path, set.error()));
  }
  // The whiteouts first, as without them the mark is all that hides the host's names.
  if (::fsync(opened->get()) < 0) return std::unexpected(fault_at(directory.path, static_cast<Errno>(errno)));
  const Result<> removed = remove_mark(directory.path, opaque_name(layers_.space));
  if (!removed) return std::unexpected(fault_at(directory.path, removed.error()));
  return {};
}

Outcome<> UpperWriter::fill(const Directory& directory, const Progress& progress) const {
  if (const Outcome<> copied = copy_up_all(layers_, work_, directory, progress); !copied) return copied;
  Result<> done = set_mark(directory.path, opaque_name(layers_.space), "y");
  if (done) done = remove_mark(directory.path, redirect_name(layers_.space));
  if (!done) return std::unexpected(fault_at(directory.path, done.error()));
  return {};
}

}  // namespace fusebox::review
