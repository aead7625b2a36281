#include "review/scan.h"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <utility>

#include "review/since.h"
#include "review/survey.h"

namespace fusebox::review {
namespace {

class Scan {
 public:
  Scan(const Layers& layers, Thoroughness thoroughness, const Progress& progress)
      : layers_(layers), thoroughness_(thoroughness), progress_(progress) {}

  Outcome<std::vector<Change>> run() {
    const auto redirects = find_redirects(layers_, progress_);
    if (!redirects) return std::unexpected(redirects.error());
    for (const Redirect& redirect : *redirects) moved_.insert(redirect.from);
    auto top = top_directory(layers_);
    if (!top) return std::unexpected(top.error());
    waiting_.push_back(*std::move(top));
    while (!waiting_.empty()) {
      const Directory directory = std::move(waiting_.back());
      waiting_.pop_back();
      if (const Outcome<> done = look_into(directory); !done) return std::unexpected(done.error());
    }
    leave_out_times_that_follow();
    return std::move(changes_);
  }

 private:
  // A directory's time of modification changes with each name in it, and that is told with the name.
  void leave_out_times_that_follow() {
    std::set<std::string, std::less<>> parents;
    for (const Change& change : changes_) {
      parents.emplace(parent_of(change.path));
      if (change.kind == Kind::renamed) parents.emplace(parent_of(change.from));
    }
    std::erase_if(changes_, [&](Change& change) {
      if (!change.box || !change.box->is_directory() || !parents.contains(change.path)) return false;
      change.aspects.times = false;
      return change.kind == Kind::changed && !change.aspects.any();
    });
  }

  Outcome<> look_into(const Directory& directory) {
    const auto names = layers_.upper.names(directory.path);
    if (!names && names.error() == Errno::no_entry) return {};
    if (!names) return std::unexpected(fault_at(directory.path, names.error()));
    std::vector<Directory> below;
    for (const std::string& name : *names) {
      if (const Outcome<> done = look_at(directory, name, below); !done) return done;
    }
    if (const Outcome<> done = look_for_hidden(directory, *names); !done) return done;
    for (Directory& child : below | std::views::reverse) waiting_.push_back(std::move(child));
    return {};
  }

  Outcome<> look_at(const Directory& directory, const std::string& name, std::vector<Directory>& below) {
    const std::string path = join(directory.path, name);
    progress_(path);
    const auto entry = entry_of(layers_.upper, path, layers_.space);
    if (!entry) return std::unexpected(fault_at(path, entry.error()));
    if (!*entry) return {};
    if ((*entry)->is_whiteout(directory.marks)) {
      return directory.base ? look_at_removed(directory, name, reference_of((*entry)->status, layers_.created))
                            : Outcome<>();
    }
    if (!(*entry)->status.is_directory()) return look_at_file(directory, name, **entry);
    auto child = child_directory(layers_, directory, name, **entry);
    if (!child) return std::unexpected(child.error());
    const Outcome<> done = look_at_directory(directory, *child, **entry);
    below.push_back(*std::move(child));
    return done;
  }

  // What only the host has, where the box shows nothing of the host's directory.
  Outcome<> look_for_hidden(const Directory& directory, const std::vector<std::string>& names) {
    if (!directory.hides || !directory.base) return {};
    const auto theirs = layers_.host.names(*directory.base);
    if (!theirs) return std::unexpected(fault_at(*directory.base, theirs.error()));
    const timespec since = reference_of(directory.status, layers_.created);
    for (const std::string& name : *theirs) {
      if (std::ranges::binary_search(names, name)) continue;
      if (const Outcome<> done = look_at_removed(directory, name, since); !done) return done;
    }
    return {};
  }

  Outcome<> look_at_removed(const Directory& directory, const std::string& name, const timespec& since) {
    Change change{.path = join(directory.path, name), .kind = Kind::removed, .host_path = join(*directory.base, name)};
    if (moved_.contains(change.host_path)) return {};
    const auto there = layers_.host.find(change.host_path);
    if (!there) return std::unexpected(fault_at(change.host_path, there.error()));
    if (!*there) return {};
    change.host = *there;
    return survey_and_add(std::move(change), since);
  }

  // A change that takes a file of the host away, and all that lies below it.
  Outcome<> survey_and_add(Change change, const timespec& since) {
    const auto found = survey(layers_, change.host_path, *change.host, since);
    if (!found) return std::unexpected(fault_at(change.host_path, found.error()));
    change.entries = found->entries;
    if (found->has_mount) change.conflict = "holds a mount point of the host";
    if (found->has_changed && change.conflict.empty()) {
      change.conflict = found->changed == change.host_path ? "changed on the host since"
                                                           : "changed on the host since: /" + printable(found->changed);
    }
    changes_.push_back(std::move(change));
    return {};
  }

  Outcome<Change> begin(const Directory& directory, const std::string& name, const Entry& entry) {
    Change change{.path = join(directory.path, name),
                  .has_capabilities = entry.xattrs.contains("security.capability"),
                  .box = entry.status};
    change.host_path = directory.base ? join(*directory.base, name) : change.path;
    if (directory.base) {
      const auto there = layers_.host.find(change.host_path);
      if (!there) return std::unexpected(fault_at(change.host_path, there.error()));
      change.host = *there;
    }
    if (S_ISLNK(entry.status.mode)) change.target = layers_.upper.readlink(change.path).value_or("");
    return change;
  }

  Outcome<> look_at_file(const Directory& directory, const std::string& name, const Entry& entry) {
    auto begun = begin(directory, name, entry);
    if (!begun) return std::unexpected(begun.error());
    Change& change = *begun;
    if (entry.marks.metacopy) {
      return std::unexpected(fault_at(change.path, "a copy without its data (overlay.metacopy)",
                                      "write to the file in a mount of the box without metacopy=on"));
    }
    const timespec since = reference_of(entry.status, layers_.created);
    change.conflict = change_since(layers_, entry, change.path, change.host, since);
    if (!change.host) {
      change.kind = Kind::added;
    } else if (change.host->type() != entry.status.type()) {
      change.kind = Kind::replaced;
      look_at_links(change);
      return survey_and_add(*std::move(begun), since);
    } else {
      const auto aspects =
          differences(layers_.upper, change.path, entry, layers_.host, change.host_path, *change.host, thoroughness_);
      if (!aspects) return gone_or_fault(change.path, aspects.error());
      change.aspects = *aspects;
    }
    look_at_links(change);
    if (change.kind != Kind::changed || change.aspects.any()) changes_.push_back(*std::move(begun));
    return {};
  }

  // The first name of a file decides: the others have to be the same file as what the host has there in the end.
  void look_at_links(Change& change) {
    if (change.box->links < 2) return;
    const bool differs = change.kind != Kind::changed || change.aspects.any();
    const auto [first, is_first] =
        first_names_.try_emplace({change.box->device, change.box->inode}, FirstName{change.host, differs});
    if (is_first || change.kind != Kind::changed) return;
    const FirstName& known = first->second;
    change.aspects.links =
        known.differs || known.host->inode != change.host->inode || known.host->device != change.host->device;
    // What is equal but for that is lost to nobody.
    if (!differs) change.conflict.clear();
  }

  Outcome<> look_at_directory(const Directory& parent, const Directory& child, const Entry& entry) {
    auto begun = begin(parent, std::string(name_of(child.path)), entry);
    if (!begun) return std::unexpected(begun.error());
    Change& change = *begun;
    const timespec since = reference_of(entry.status, layers_.created);
    if (!child.from.empty()) {
      change.kind = Kind::renamed;
      change.from = child.from;
      change.host_path = child.from;
      change.host = child.base ? layers_.host.find(child.from).value_or(std::nullopt) : std::nullopt;
      if (!change.host) change.conflict = "what it was renamed from is gone from the host: /" + printable(child.from);
    } else if (!change.host) {
      change.kind = Kind::added;
    } else if (!change.host->is_directory()) {
      change.kind = Kind::replaced;
      change.conflict = change_since(layers_, entry, change.path, change.host, since);
    }
    if (child.base) {
      const auto aspects =
          differences(layers_.upper, change.path, entry, layers_.host, *child.base, *change.host, thoroughness_);
      if (!aspects) return gone_or_fault(change.path, aspects.error());
      judge_directory(entry, *change.host, *aspects, since, change);
    }
    if (change.kind != Kind::changed || change.aspects.any()) changes_.push_back(*std::move(begun));
    return {};
  }

  // In use, a box changes while it is looked at.
  static Outcome<> gone_or_fault(const std::string& path, Errno error) {
    if (error == Errno::no_entry) return {};
    return std::unexpected(fault_at(path, error));
  }

  struct FirstName {
    std::optional<Status> host;
    bool differs;
  };

  const Layers& layers_;
  Thoroughness thoroughness_;
  const Progress& progress_;
  std::set<std::string, std::less<>> moved_;  // the host's directories that the box shows elsewhere
  std::map<std::pair<dev_t, std::uint64_t>, FirstName> first_names_;
  std::vector<Directory> waiting_;
  std::vector<Change> changes_;
};

}  // namespace

Outcome<std::vector<Change>> scan(const Layers& layers, Thoroughness thoroughness, const Progress& progress) {
  return Scan(layers, thoroughness, progress).run();
}

}  // namespace fusebox::review
