// Folds many paths into few directories, for people to read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::audit {

// Who did something, and to how many paths first.
using Doers = std::map<std::string, std::uint64_t>;

struct Group {
  std::string place;     // a directory with '/' at its end, or the whole path where it is one file alone
  bool is_deep = false;  // also what lies in directories below
  std::uint64_t count = 0;
  Doers by;
};

struct Member {
  std::string_view path;
  std::string_view by;
};

// At most `limit` groups (more only where that many lie directly below the root), sorted by place.  Where the paths
// themselves are not more than `limit`, each is its own group.  What merges first is what loses least: few files, deep
// down.
std::vector<Group> group_by_directory(const std::vector<Member>& members, std::size_t limit);

}  // namespace fusebox::audit
