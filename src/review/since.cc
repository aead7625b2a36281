#include "review/since.h"

namespace fusebox::review {
namespace {

constexpr const char* kChanged = "changed on the host since";

Origin::Owner owner_of(const Status& status) { return {.mode = status.mode, .uid = status.uid, .gid = status.gid}; }

}  // namespace

timespec reference_of(const Status& upper, const timespec& box_created) { return upper.btime.value_or(box_created); }

std::string change_since(const Layers& layers, const Entry& entry, std::string_view path,
                         const std::optional<Status>& host, const timespec& since) {
  const auto& origin = entry.marks.origin;
  if (!host) {
    // A copy may have been renamed in the box: then nothing was ever here.
    const bool was_here = origin && origin->path && std::string_view(*origin->path).substr(1) == path;
    return was_here ? "removed on the host since" : "";
  }
  if (origin && host->device == origin->device && host->inode == origin->inode) {
    const bool same = host->size == origin->size && is_same(host->mtime, origin->mtime) &&
                      (layers.interrupted || is_same(host->ctime, origin->ctime));
    return same ? "" : kChanged;
  }
  return layers.is_changed_after(*host, since) ? kChanged : "";
}

void judge_directory(const Entry& entry, const Status& host, const Aspects& differences, const timespec& since,
                     Change& change) {
  const auto& origin = entry.marks.origin;
  const bool untouched = origin ? is_same(origin->ctime, host.ctime) : !is_later(host.ctime, since);
  change.aspects = differences;
  if (entry.marks.applying) return;
  const Status& box = entry.status;
  // A program that adds a name changes both times of the directory alike; one that sets the time, does not.
  change.aspects.times = untouched && !is_same(box.mtime, host.mtime) && !is_same(box.mtime, box.ctime);
  if (untouched || !differences.any()) return;
  if (origin && origin->owner) {
    if (owner_of(box) == *origin->owner) change.aspects.mode = change.aspects.owner = false;
    if (owner_of(host) == *origin->owner) return;
  }
  if (change.aspects.mode || change.aspects.owner || change.aspects.xattrs) change.conflict = kChanged;
}

}  // namespace fusebox::review
