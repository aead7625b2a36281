#include "audit/directories.h"

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

namespace fusebox::audit {
namespace {

using Groups = std::map<std::string, Group, std::less<>>;

// "/a/b/" for "/a/b/c" and for "/a/b/c/"; "/" for what lies below the root.
std::string_view parent_of(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path.substr(0, path.rfind('/') + 1);
}

auto depth_of(std::string_view directory) { return std::ranges::count(directory, '/') - 1; }

// What is lost where a directory is shown as its parent.  "/usr/…" says little, "/…" nothing at all.
std::uint64_t cost_of_merging(std::string_view directory, std::uint64_t count) {
  return depth_of(directory) == 2 ? count * 16 : count;
}

struct Candidate {
  std::uint64_t cost;
  std::string directory;
  std::uint64_t count;  // when it was put in; it may have grown since
  bool operator<(const Candidate& other) const {
    return std::tie(cost, directory) > std::tie(other.cost, other.directory);
  }
};

class Merger {
 public:
  Merger(Groups& groups, std::size_t limit) : groups_(groups) {
    for (const auto& [directory, group] : groups_) offer(directory, group.count);
    while (groups_.size() > limit && !candidates_.empty()) {
      const Candidate candidate = candidates_.top();
      candidates_.pop();
      const auto found = groups_.find(candidate.directory);
      if (found != groups_.end() && found->second.count == candidate.count) merge(found);
    }
  }

 private:
  void offer(const std::string& directory, std::uint64_t count) {
    if (depth_of(directory) >= 2) candidates_.push({cost_of_merging(directory, count), directory, count});
  }

  void merge(Groups::iterator found) {
    const Group child = std::move(groups_.extract(found).mapped());
    const std::string place(parent_of(child.place));
    Group& parent = groups_[place];
    parent.place = place;
    parent.is_deep = true;
    parent.count += child.count;
    for (const auto& [name, count] : child.by) parent.by[name] += count;
    offer(place, parent.count);
  }

  Groups& groups_;
  std::priority_queue<Candidate> candidates_;
};

}  // namespace

std::vector<Group> group_by_directory(const std::vector<Member>& members, std::size_t limit) {
  Groups groups;
  const bool each_alone = members.size() <= limit;
  std::map<std::string, std::string, std::less<>> any_member;
  for (const Member& member : members) {
    const std::string place(each_alone ? member.path : parent_of(member.path));
    Group& group = groups[place];
    group.place = place;
    ++group.count;
    if (!member.by.empty()) ++group.by[std::string(member.by)];
    any_member.try_emplace(place, member.path);
  }
  if (!each_alone) Merger(groups, limit);
  std::vector<Group> sorted;
  for (auto& [place, group] : groups) {
    if (group.count == 1 && !group.is_deep) group.place = any_member[place];
    sorted.push_back(std::move(group));
  }
  return sorted;
}

}  // namespace fusebox::audit
