// One difference between a box and the host, and how it is told (review layer).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "review/tree.h"

namespace fusebox::review {

enum class Kind { added, changed, removed, replaced, renamed };

std::string_view to_string(Kind kind);

// In what a file of the box differs from the host's.
struct Aspects {
  bool content = false;  // of a symlink: where it leads; of a device: which
  bool mode = false;
  bool owner = false;
  bool times = false;  // of its last modification
  bool xattrs = false;
  bool links = false;  // which names are the same file

  bool any() const { return content || mode || owner || times || xattrs || links; }
};

// Paths begin below the root: "etc/motd".
struct Change {
  std::string path{};
  Kind kind = Kind::changed;
  Aspects aspects{};              // where it is changed, or renamed
  std::string host_path{};        // where the host has it: differs below a renamed directory
  std::string from{};             // where it is renamed: the host's path
  std::string target{};           // of the box's symlink
  bool has_capabilities = false;  // the box's file gives rights to whoever executes it
  std::optional<Status> box{};
  std::optional<Status> host{};
  std::uint64_t entries = 0;  // of a directory of the host that goes: everything below it
  std::string conflict{};     // how the host's file has changed since the box took it; empty where it has not
};

// Why one should look twice: "set-user-ID of root", "character device 1:3"; empty where nothing is special.
std::vector<std::string> warnings_of(const Change& change);

// One line for people, with its line break and without anything that a terminal would obey.
std::string to_line(const Change& change);

// Both sides of a conflict, as lines for people.
std::string describe_conflict(const Change& change);

// For programs: an array with an object for each.
std::string to_json(const std::vector<Change>& changes);

}  // namespace fusebox::review
