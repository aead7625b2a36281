// A box's upper layer over the host: which directory of the host each of its directories goes with (review layer).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/fault.h"
#include "review/marks.h"
#include "review/tree.h"

namespace fusebox::review {

// Nothing here writes; whoever calls owns both trees.
struct Layers {
  const Tree& upper;
  const Tree& host;
  Namespace space;
  timespec created;          // of the box: what changed on the host since then may have changed since a copy was taken
  bool interrupted = false;  // an apply did not come to its end

  // An interrupted apply may have replaced another name of the same file, which changes the ctime of this one.
  bool is_changed_after(const Status& host_status, const timespec& moment) const {
    return is_later(interrupted ? host_status.mtime : host_status.ctime, moment);
  }
};

// Called with the path that is looked at, often.
using Progress = std::function<void(std::string_view path)>;

// A directory of the upper layer.
struct Directory {
  std::string path;
  // The host's path of what it is compared with; nothing where the host has no directory there.
  std::optional<std::string> base{};
  bool hides = false;  // what only the host has is gone from the box
  std::string from{};  // its redirect: the host's directory that it was before; empty without one
  Marks marks{};
  Status status{};
};

Outcome<Directory> top_directory(const Layers& layers);

// The directory `entry` of `parent`.
Outcome<Directory> child_directory(const Layers& layers, const Directory& parent, std::string_view name,
                                   const Entry& entry);

// A directory that the box renamed, and that the host still has at its old place.
struct Redirect {
  std::string path;
  std::string from;
};

// All of them, in the order of the walk: parents first.
Outcome<std::vector<Redirect>> find_redirects(const Layers& layers, const Progress& progress);

// "PATH: reason", with the path as people know it.
Fault fault_at(std::string_view path, Errno error);
Fault fault_at(std::string_view path, std::string why, std::string remedy = {});

}  // namespace fusebox::review
