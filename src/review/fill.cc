#include "review/fill.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "review/copy.h"
#include "review/remove.h"

namespace fusebox::review {
namespace {

constexpr const char* kTemporary = ".fusebox-copy";

class Filler {
 public:
  Filler(const Layers& layers, const Tree& work, const Progress& progress)
      : layers_(layers), work_(work), progress_(progress) {}

  Outcome<> run(const Directory& first) {
    waiting_.push_back(first);
    while (!waiting_.empty()) {
      const Directory directory = std::move(waiting_.back());
      waiting_.pop_back();
      if (const Outcome<> done = fill(directory); !done) return done;
    }
    const Result<Fd> top = layers_.upper.open("", O_RDONLY | O_DIRECTORY);
    if (!top) return std::unexpected(fault_at("", top.error()));
    if (::syncfs(top->get()) < 0) return std::unexpected(fault_at(first.path, static_cast<Errno>(errno)));
    return {};
  }

 private:
  Outcome<> fill(const Directory& directory) {
    const auto ours = layers_.upper.names(directory.path);
    if (!ours) return std::unexpected(fault_at(directory.path, ours.error()));
    const auto theirs = layers_.host.names(*directory.base);
    if (!theirs) return std::unexpected(fault_at(*directory.base, theirs.error()));
    const Result<Fd> filled = layers_.upper.open(directory.path, O_RDONLY | O_DIRECTORY);
    if (!filled) return std::unexpected(fault_at(directory.path, filled.error()));
    // To the box, nothing happens; an interruption must not let the time slip.
    const timespec mtime = directory.marks.applying.value_or(directory.status.mtime);
    const std::string mark = applying_name(layers_.space);
    if (const Result<> kept = set_xattr(filled->get(), mark, to_text(mtime)); !kept) {
      return std::unexpected(fault_at(directory.path, kept.error()));
    }
    for (const std::string& name : *theirs) {
      if (std::ranges::binary_search(*ours, name)) continue;
      const Result<> copied = copy(directory, name);
      if (!copied) return std::unexpected(fault_at(join(*directory.base, name), copied.error()));
    }
    Result<> done = set_mtime(filled->get(), mtime);
    if (done) done = remove_xattr(filled->get(), mark);
    if (!done) return std::unexpected(fault_at(directory.path, done.error()));
    return go_below_all(directory, *ours);
  }

  Outcome<> go_below_all(const Directory& directory, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const Outcome<> done = go_below(directory, name);
      if (!done) return done;
    }
    return {};
  }

  Outcome<> go_below(const Directory& directory, const std::string& name) {
    const std::string path = join(directory.path, name);
    const auto entry = entry_of(layers_.upper, path, layers_.space);
    if (!entry) return std::unexpected(fault_at(path, entry.error()));
    if (!*entry || !(*entry)->status.is_directory()) return {};
    auto child = child_directory(layers_, directory, name, **entry);
    if (!child) return std::unexpected(child.error());
    if (child->base && !child->hides && child->from.empty()) waiting_.push_back(*std::move(child));
    return {};
  }

  Result<> copy(const Directory& directory, const std::string& name) {
    const std::string path = join(directory.path, name);
    const std::string source = join(*directory.base, name);
    progress_(path);
    const Result<Fd> file = layers_.host.open(source, O_PATH);
    if (!file) return fail(file.error());
    const Result<Status> status = status_of(file->get());
    if (!status) return fail(status.error());
    auto xattrs = read_xattrs(file->get());
    if (!xattrs) return fail(xattrs.error());
    std::erase_if(*xattrs, [](const auto& attribute) { return !is_carried(attribute.first); });
    const Result<> made = make(source, *status, *xattrs, path);
    if (made && status->is_directory()) waiting_.push_back({.path = path, .base = source, .status = *status});
    return made;
  }

  Result<> make(const std::string& source, const Status& status, const Xattrs& xattrs, const std::string& path) {
    const Result<Fd> into = layers_.upper.open(parent_of(path), O_RDONLY | O_DIRECTORY);
    if (!into) return fail(into.error());
    const std::string name(name_of(path));
    if (status.links > 1 && !status.is_directory()) {
      const auto [first, is_first] = links_.try_emplace({status.device, status.inode}, path);
      if (!is_first) return link(first->second, into->get(), name);
    }
    const Result<Fd> work = work_.open("", O_RDONLY | O_DIRECTORY);
    if (!work) return fail(work.error());
    Result<> made = remove_tree(work->get(), kTemporary);
    if (!made) return made;
    made = status.is_directory() ? make_directory(status, xattrs, work->get(), kTemporary)
                                 : copy_file(layers_.host, source, status, xattrs, work->get(), kTemporary);
    if (!made) return made;
    if (::renameat2(work->get(), kTemporary, into->get(), name.c_str(), RENAME_NOREPLACE) < 0) return fail_with_errno();
    return {};
  }

  Result<> link(const std::string& existing, int into, const std::string& name) const {
    const Result<Fd> file = layers_.upper.open(existing, O_PATH);
    if (!file) return fail(file.error());
    if (::linkat(AT_FDCWD, descriptor_path(file->get()).c_str(), into, name.c_str(), AT_SYMLINK_FOLLOW) < 0) {
      return fail_with_errno();
    }
    return {};
  }

  const Layers& layers_;
  const Tree& work_;
  const Progress& progress_;
  std::vector<Directory> waiting_;
  std::map<std::pair<dev_t, std::uint64_t>, std::string> links_;
};

}  // namespace

Outcome<> copy_up_all(const Layers& layers, const Tree& work, const Directory& directory, const Progress& progress) {
  return Filler(layers, work, progress).run(directory);
}

}  // namespace fusebox::review
