#include "review/discard.h"

#include <fcntl.h>

#include <utility>

#include "review/remove.h"

namespace fusebox::review {
namespace {

// Makes the directories above `path` ones that show the host's names, so that nothing but the path itself hides it.
Outcome<> open_up(const Layers& layers, const UpperWriter& upper, std::string_view path) {
  auto directory = top_directory(layers);
  if (!directory) return std::unexpected(directory.error());
  for (;;) {
    if (directory->marks.opaque && directory->base) {
      if (const Outcome<> merged = upper.merge(*directory, *directory->base); !merged) return merged;
    }
    const std::size_t begin = directory->path.empty() ? 0 : directory->path.size() + 1;
    const std::size_t slash = path.find('/', begin);
    if (slash == std::string_view::npos) return {};
    const auto entry = entry_of(layers.upper, path.substr(0, slash), layers.space);
    if (!entry) return std::unexpected(fault_at(path.substr(0, slash), entry.error()));
    if (!*entry || !(*entry)->status.is_directory()) return {};
    Directory parent = *directory;
    if (parent.marks.opaque && parent.base) parent.hides = false;
    directory = child_directory(layers, parent, path.substr(begin, slash - begin), **entry);
    if (!directory) return std::unexpected(directory.error());
  }
}

Outcome<> take_out(const Layers& layers, const UpperWriter& upper, const std::string& path) {
  if (const Outcome<> opened = open_up(layers, upper, path); !opened) return opened;
  const Result<Fd> parent = layers.upper.open(parent_of(path), O_RDONLY | O_DIRECTORY);
  if (!parent && (parent.error() == Errno::no_entry || parent.error() == Errno::not_directory)) return {};
  if (!parent) return std::unexpected(fault_at(path, parent.error()));
  const Result<> removed = remove_tree(parent->get(), std::string(name_of(path)));
  if (!removed) return std::unexpected(fault_at(path, removed.error()));
  return {};
}

}  // namespace

Outcome<> discard_changes(const Layers& layers, const UpperWriter& upper, const Selection& selection,
                          const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    if (change.kind != Kind::renamed || !selection.covers(change)) continue;
    if (const Outcome<> done = take_out(layers, upper, change.path); !done) return done;
    const auto old_place = entry_of(layers.upper, change.from, layers.space);
    if (!old_place || !*old_place || (*old_place)->status.is_directory()) continue;
    if (!(*old_place)->is_whiteout({.whiteouts_inside = true})) continue;
    if (const Outcome<> done = take_out(layers, upper, change.from); !done) return done;
  }
  for (const std::string& path : selection.paths) {
    if (const Outcome<> done = take_out(layers, upper, path); !done) return done;
  }
  return {};
}

Outcome<> clear_leftovers(const Layers& layers, const HostWriter& host, const Progress& progress) {
  std::vector<std::string> waiting = {""};
  while (!waiting.empty()) {
    const std::string directory = std::move(waiting.back());
    waiting.pop_back();
    const auto names = layers.upper.names(directory);
    if (!names) return std::unexpected(fault_at(directory, names.error()));
    for (const std::string& name : *names) {
      std::string path = join(directory, name);
      progress(path);
      const auto there = layers.upper.find(path);
      if (!there) return std::unexpected(fault_at(path, there.error()));
      if (!*there) continue;
      const Result<> cleared = host.clear(path, (*there)->inode);
      if (!cleared) return std::unexpected(fault_at(path, cleared.error()));
      if ((*there)->is_directory()) waiting.push_back(std::move(path));
    }
  }
  return {};
}

}  // namespace fusebox::review
