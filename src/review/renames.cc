#include "review/renames.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ranges>
#include <utility>

#include "review/begin.h"

namespace fusebox::review {
namespace {

// The names of a path, one after the other.
std::vector<std::string> names_of(std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    names.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return names;
}

// Where a walk down the upper layer ends: with the directory, or before it, at what hides the host's or leaves it
// alone.
struct Walk {
  Directory last;
  bool arrived = false;
  bool hidden = false;  // the box does not show the host's file of this path here
};

Outcome<Walk> walk(const Layers& layers, std::string_view path) {
  auto top = top_directory(layers);
  if (!top) return std::unexpected(top.error());
  Walk walk{.last = *std::move(top)};
  for (const std::string& name : names_of(path)) {
    const std::string at = join(walk.last.path, name);
    const auto entry = entry_of(layers.upper, at, layers.space);
    if (!entry) return std::unexpected(fault_at(at, entry.error()));
    if (!*entry) return walk;
    if (!(*entry)->status.is_directory()) {
      walk.hidden = true;
      return walk;
    }
    auto child = child_directory(layers, walk.last, name, **entry);
    if (!child) return std::unexpected(child.error());
    walk.last = *std::move(child);
    walk.hidden = walk.last.hides || !walk.last.base || *walk.last.base != walk.last.path;
    if (walk.hidden && walk.last.path != path) return walk;
  }
  walk.arrived = true;
  return walk;
}

bool are_entangled(std::string_view a, std::string_view b) { return is_within(a, b) || is_within(b, a); }

class Renames {
 public:
  Renames(const Layers& layers, const UpperWriter& upper, const HostWriter& host, const Selection& selection,
          const Progress& progress)
      : layers_(layers), upper_(upper), host_(host), selection_(selection), progress_(progress) {}

  Outcome<std::size_t> run() {
    const auto found = find_redirects(layers_, progress_);
    if (!found) return std::unexpected(found.error());
    std::vector<Redirect> plain;
    std::size_t settled = 0;
    // The deepest first: a directory that is filled needs nothing of those above it.
    for (const Redirect& redirect : *found | std::views::reverse) {
      if (!is_concerned(redirect)) continue;
      ++settled;
      const Outcome<bool> can = can_rename(redirect, *found);
      if (!can) return std::unexpected(can.error());
      if (*can) {
        plain.push_back(redirect);
      } else if (const Outcome<> filled = fill(redirect); !filled) {
        return std::unexpected(filled.error());
      }
    }
    for (const Redirect& redirect : plain) {
      if (const Outcome<> renamed = rename(redirect); !renamed) return std::unexpected(renamed.error());
    }
    return settled;
  }

 private:
  bool is_concerned(const Redirect& redirect) const {
    return selection_.touches(redirect.path) || selection_.touches(redirect.from);
  }

  Outcome<bool> can_rename(const Redirect& redirect, const std::vector<Redirect>& all) const {
    if (!selection_.covers(redirect.path) || !selection_.covers(redirect.from)) return false;
    const bool entangled =
        are_entangled(redirect.path, redirect.from) || std::ranges::any_of(all, [&](const Redirect& other) {
          return other.path != redirect.path &&
                 (are_entangled(other.from, redirect.from) || are_entangled(other.from, redirect.path) ||
                  are_entangled(other.path, redirect.from));
        });
    if (entangled) return false;
    const auto parent = walk(layers_, parent_of(redirect.path));
    if (!parent) return std::unexpected(parent.error());
    if (!parent->arrived || parent->hidden) return false;
    const auto old_place = walk(layers_, redirect.from);
    if (!old_place) return std::unexpected(old_place.error());
    if (!old_place->hidden) return false;
    const auto there = layers_.host.find(redirect.path);
    const auto above = layers_.host.find(parent_of(redirect.path));
    const auto source = layers_.host.find(redirect.from);
    return there && !*there && above && *above && source && *source && (*source)->device == (*above)->device;
  }

  Outcome<Directory> directory_at(const std::string& path) const {
    const auto found = walk(layers_, path);
    if (!found) return std::unexpected(found.error());
    // Below what another directory hides the walk stops early; this one is then found by its own redirect.
    if (found->arrived) return found->last;
    Directory directory = found->last;
    for (const std::string& name : names_of(std::string_view(path).substr(directory.path.size()))) {
      if (name.empty()) continue;
      const std::string at = join(directory.path, name);
      const auto entry = entry_of(layers_.upper, at, layers_.space);
      if (!entry) return std::unexpected(fault_at(at, entry.error()));
      if (!*entry) return std::unexpected(fault_at(at, Errno::no_entry));
      auto child = child_directory(layers_, directory, name, **entry);
      if (!child) return child;
      directory = *std::move(child);
    }
    return directory;
  }

  Outcome<> fill(const Redirect& redirect) const {
    const auto directory = directory_at(redirect.path);
    if (!directory) return std::unexpected(directory.error());
    return upper_.fill(*directory, progress_);
  }

  // The inode number is written down before, so that whoever comes after a kill sees which side of the rename it was.
  Outcome<> rename(const Redirect& redirect) const {
    const auto source = layers_.host.find(redirect.from);
    if (!source || !*source) return std::unexpected(fault_at(redirect.from, Errno::no_entry));
    for (const std::string_view parent : {parent_of(redirect.path), parent_of(redirect.from)}) {
      if (const Outcome<> begun = begin_directory(layers_, upper_, parent); !begun) return begun;
    }
    const Result<> marked =
        upper_.set_mark(redirect.path, moving_name(layers_.space), std::to_string((*source)->inode));
    if (!marked) return std::unexpected(fault_at(redirect.path, marked.error()));
    const Result<> renamed = rename_on_host(redirect);
    if (!renamed && renamed.error() == Errno::no_entry)
      return std::unexpected(fault_at(redirect.from, Errno::no_entry));
    if (!renamed) return fill(redirect);
    Result<> done = upper_.remove_mark(redirect.path, redirect_name(layers_.space));
    if (done) done = upper_.remove_mark(redirect.path, moving_name(layers_.space));
    if (!done) return std::unexpected(fault_at(redirect.path, done.error()));
    return {};
  }

  Result<> rename_on_host(const Redirect& redirect) const {
    const Result<Fd> from = layers_.host.open(parent_of(redirect.from), O_RDONLY | O_DIRECTORY);
    if (!from) return fail(from.error());
    const Result<Fd> into = layers_.host.open(parent_of(redirect.path), O_RDONLY | O_DIRECTORY);
    if (!into) return fail(into.error());
    const std::string old_name(name_of(redirect.from));
    const std::string new_name(name_of(redirect.path));
    if (::renameat2(from->get(), old_name.c_str(), into->get(), new_name.c_str(), RENAME_NOREPLACE) < 0) {
      return fail_with_errno();
    }
    // The new name first: a directory with two names can be mended, one with none is lost.
    if (const Result<> synced = host_.sync(parent_of(redirect.path)); !synced) return synced;
    return host_.sync(parent_of(redirect.from));
  }

  const Layers& layers_;
  const UpperWriter& upper_;
  const HostWriter& host_;
  const Selection& selection_;
  const Progress& progress_;
};

}  // namespace

Outcome<std::size_t> settle_renames(const Layers& layers, const UpperWriter& upper, const HostWriter& host,
                                    const Selection& selection, const Progress& progress) {
  return Renames(layers, upper, host, selection, progress).run();
}

}  // namespace fusebox::review
