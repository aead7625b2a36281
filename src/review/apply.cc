#include "review/apply.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <utility>

#include "review/begin.h"
#include "review/copy.h"
#include "review/host_writer.h"
#include "review/renames.h"
#include "review/survey.h"
#include "review/upper_writer.h"

namespace fusebox::review {
namespace {

// A file that the host replaced a moment ago looks so by its ctime too, where it had another name that we replaced.
bool is_as_seen(const std::optional<Status>& seen, const std::optional<Status>& now) {
  if (!seen || !now) return seen.has_value() == now.has_value();
  if (seen->device != now->device || seen->inode != now->inode || seen->mode != now->mode) return false;
  if (seen->is_directory()) return true;
  const bool same_change = seen->links > 1 || is_same(seen->ctime, now->ctime);
  return seen->size == now->size && is_same(seen->mtime, now->mtime) && same_change;
}

class Apply {
 public:
  Apply(const Layers& layers, const UpperWriter& upper, const HostWriter& host, const Selection& selection,
        const Progress& progress, std::vector<Change> changes)
      : layers_(layers), upper_(upper), host_(host), selection_(selection), progress_(progress) {
    ::clock_gettime(CLOCK_REALTIME, &started_);
    for (Change& change : changes) changes_.emplace(change.path, std::move(change));
  }

  Outcome<ApplyResult> run() {
    std::vector<std::string> waiting = {""};
    while (!waiting.empty()) {
      const std::string path = std::move(waiting.back());
      waiting.pop_back();
      if (!selection_.touches(path)) continue;
      visited_.push_back(path);
      if (const Outcome<> done = visit(path, waiting); !done) return std::unexpected(done.error());
    }
    if (const Outcome<> ended = finish(); !ended) return std::unexpected(ended.error());
    return std::move(result_);
  }

 private:
  // The directory itself, then what is in it but directories, which wait for their turn.
  Outcome<> visit(const std::string& path, std::vector<std::string>& waiting) {
    const auto entry = entry_of(layers_.upper, path, layers_.space);
    if (!entry) return std::unexpected(fault_at(path, entry.error()));
    if (!*entry) return {};
    const Outcome<bool> is_made = path.empty() ? true : make_directory(path, **entry);
    if (!is_made || !*is_made) return is_made ? Outcome<>() : std::unexpected(is_made.error());
    if (const Outcome<> merged = merge(path, **entry); !merged) return merged;
    const auto names = layers_.upper.names(path);
    if (!names) return std::unexpected(fault_at(path, names.error()));
    std::vector<std::string> below;
    std::vector<std::string> made;
    for (const std::string& name : *names) {
      if (const Outcome<> done = make_entry(path, name, (*entry)->marks, below, made); !done) return done;
    }
    std::ranges::move(below | std::views::reverse, std::back_inserter(waiting));
    return drop_all(path, made);
  }

  // False: its turn has not come, as the host has changed meanwhile.
  Outcome<bool> make_directory(const std::string& path, const Entry& entry) {
    if (const Outcome<> cleared = clear(path, entry); !cleared) return std::unexpected(cleared.error());
    const Change* change = find(path);
    if (!change) return true;
    // An only half-chosen directory has to be there, for what is chosen below it.
    const bool is_new = !change->host || !change->host->is_directory();
    if (!is_new && !selection_.covers(path)) return true;
    if (!is_current(*change)) return false;
    if (const Outcome<> begun = begin_directory(layers_, upper_, parent_of(path)); !begun) {
      return std::unexpected(begun.error());
    }
    if (const Outcome<> begun = begin_directory(layers_, upper_, path); !begun) return std::unexpected(begun.error());
    Result<> made = is_new ? host_.put(path, entry) : change_directory(path, entry);
    if (made && is_new) made = host_.sync(parent_of(path));
    if (made && entry.marks.redirect) made = upper_.remove_mark(path, redirect_name(layers_.space));
    if (!made) return std::unexpected(fault_at(path, made.error()));
    result_.applied.push_back(*change);
    return true;
  }

  Result<> change_directory(const std::string& path, const Entry& entry) {
    const Result<Fd> directory = layers_.host.open(path, O_RDONLY | O_DIRECTORY);
    if (!directory) return fail(directory.error());
    if (const Result<> set = set_attributes(directory->get(), entry.status, entry.xattrs); !set) return set;
    return sync_directory(directory->get());
  }

  Outcome<> merge(const std::string& path, const Entry& entry) {
    if (!entry.marks.opaque) return {};
    if (const Outcome<> begun = begin_directory(layers_, upper_, path); !begun) return begun;
    return upper_.merge({.path = path, .marks = entry.marks, .status = entry.status}, path);
  }

  Outcome<> make_entry(const std::string& directory, const std::string& name, const Marks& directory_marks,
                       std::vector<std::string>& below, std::vector<std::string>& made) {
    const std::string path = join(directory, name);
    const auto entry = entry_of(layers_.upper, path, layers_.space);
    if (!entry) return std::unexpected(fault_at(path, entry.error()));
    if (!*entry) return {};
    if ((*entry)->status.is_directory()) {
      below.push_back(path);
      return {};
    }
    if (!selection_.covers(path)) return {};
    progress_(path);
    if (const Outcome<> cleared = clear(path, **entry); !cleared) return cleared;
    const Change* change = find(path);
    const bool is_whiteout = (*entry)->is_whiteout(directory_marks);
    if (change) {
      if (!is_current(*change)) return {};
      if (const Outcome<> begun = begin_directory(layers_, upper_, directory); !begun) return begun;
      const Result<> done = is_whiteout ? host_.remove(path, (*entry)->status.inode) : put(path, **entry);
      if (!done) return std::unexpected(fault_at(path, done.error()));
      result_.applied.push_back(*change);
    }
    if (!is_whiteout && (*entry)->status.links > 1) {
      first_names_.try_emplace({(*entry)->status.device, (*entry)->status.inode}, path);
      linked_.push_back(path);
    } else {
      made.push_back(path);
    }
    return {};
  }

  // The other names of a file that the host has by now are made names of that.
  Result<> put(const std::string& path, const Entry& entry) {
    const auto first = first_names_.find({entry.status.device, entry.status.inode});
    if (first != first_names_.end()) {
      const Result<> linked = host_.link(path, entry, first->second);
      if (linked || linked.error() != Errno::cross_device) return linked;
    }
    return host_.put(path, entry);
  }

  // What the host has, durably, the box need not keep.
  Outcome<> drop_all(const std::string& directory, const std::vector<std::string>& paths) {
    if (paths.empty()) return {};
    const Result<> synced = host_.sync(directory);
    // Whiteouts may stand where the host has no such directory any more.
    if (!synced && synced.error() != Errno::no_entry && synced.error() != Errno::not_directory) {
      return std::unexpected(fault_at(directory, synced.error()));
    }
    for (const std::string& path : paths) {
      if (const Result<> dropped = upper_.drop(path, false); !dropped) {
        return std::unexpected(fault_at(path, dropped.error()));
      }
    }
    return {};
  }

  // Names of one file leave the box together: each is needed to know that it is the same.
  Outcome<> finish() {
    for (const std::string& path : linked_) {
      if (const Outcome<> dropped = drop_all(std::string(parent_of(path)), {path}); !dropped) return dropped;
    }
    for (const std::string& path : visited_ | std::views::reverse) {
      const Result<> done = finish_directory(path);
      if (!done) return std::unexpected(fault_at(path, done.error()));
    }
    return {};
  }

  Result<> finish_directory(const std::string& path) {
    const auto entry = entry_of(layers_.upper, path, layers_.space);
    if (!entry) return fail(entry.error());
    if (!*entry) return {};
    const auto& mtime = (*entry)->marks.applying;
    if (mtime) {
      const Result<Fd> directory = layers_.host.open(path, O_RDONLY | O_DIRECTORY);
      if (directory) {
        Result<> done = set_mtime(directory->get(), *mtime);
        if (done) done = sync_directory(directory->get());
        if (!done) return done;
      }
    }
    const bool may_go = !path.empty() && selection_.covers(path) && !refused_.contains(path);
    if (may_go && upper_.drop(path, true)) return {};
    if (!mtime) return {};
    const Result<Fd> ours = layers_.upper.open(path, O_RDONLY | O_DIRECTORY);
    if (!ours) return fail(ours.error());
    if (const Result<> set = set_mtime(ours->get(), *mtime); !set) return set;
    return upper_.remove_mark(path, applying_name(layers_.space));
  }

  Outcome<> clear(const std::string& path, const Entry& entry) {
    if (!layers_.interrupted) return {};
    const Result<> cleared = host_.clear(path, entry.status.inode);
    if (!cleared) return std::unexpected(fault_at(path, cleared.error()));
    return {};
  }

  // The host may change while this runs.
  bool is_current(const Change& change) {
    const auto now = layers_.host.find(change.path);
    bool current = now && is_as_seen(change.host, *now);
    if (current && *now && (*now)->is_directory() && !(change.box && change.box->is_directory())) {
      const auto found = survey(layers_, change.path, **now, started_);
      current = found && !found->has_changed;
    }
    if (current) return true;
    result_.refused.push_back(change);
    result_.refused.back().host = now ? *now : std::nullopt;
    result_.refused.back().conflict = "changed on the host a moment ago";
    refused_.insert(change.path);
    return false;
  }

  const Change* find(const std::string& path) const {
    const auto found = changes_.find(path);
    return found == changes_.end() ? nullptr : &found->second;
  }

  const Layers& layers_;
  const UpperWriter& upper_;
  const HostWriter& host_;
  const Selection& selection_;
  const Progress& progress_;
  timespec started_{};
  std::map<std::string, Change> changes_;
  std::set<std::string> refused_;
  std::map<std::pair<dev_t, std::uint64_t>, std::string> first_names_;  // of files with several names, on the host
  std::vector<std::string> linked_;                                     // of the box, still there
  std::vector<std::string> visited_;
  ApplyResult result_;
};

std::vector<Change> conflicts_in(const std::vector<Change>& changes) {
  std::vector<Change> conflicts;
  std::ranges::copy_if(changes, std::back_inserter(conflicts), [](const Change& c) { return !c.conflict.empty(); });
  return conflicts;
}

// New directories on the way to what is chosen are made, too.
bool is_on_the_way(const Change& change, const Selection& selection) {
  return change.box && change.box->is_directory() && selection.touches(change.path) &&
         (!change.host || !change.host->is_directory() || change.kind == Kind::renamed);
}

}  // namespace

Outcome<std::vector<Change>> select(std::vector<Change> changes, const Selection& selection) {
  for (const std::string& path : selection.paths) {
    const Selection one{.paths = {path}};
    if (std::ranges::none_of(changes, [&](const Change& change) { return one.covers(change); })) {
      return std::unexpected(fault_at(path, "the box has changed nothing there", "see `fusebox diff`"));
    }
  }
  std::erase_if(changes,
                [&](const Change& change) { return !selection.covers(change) && !is_on_the_way(change, selection); });
  return changes;
}

Outcome<> check_devices(const std::vector<Change>& changes, const ApplyOptions& options) {
  if (options.device_nodes) return {};
  const auto& named = options.selection.paths;
  const auto is_unnamed = [&](const Change& change) {
    const bool is_device = change.box && (S_ISCHR(change.box->mode) || S_ISBLK(change.box->mode));
    return is_device && std::ranges::find(named, change.path) == named.end();
  };
  const auto first = std::ranges::find_if(changes, is_unnamed);
  if (first == changes.end()) return {};
  const auto others = std::ranges::count_if(changes, is_unnamed) - 1;
  std::string why = "is a device node, and whoever may open it on the host has the device";
  if (others > 0) why += " (as " + std::to_string(others) + (others == 1 ? " other)" : " others)");
  Fault fault = fault_at(first->path, std::move(why), "name its path to have it made, or use --device-nodes");
  fault.code = ExitCode::violations;  // as where the host has changed
  return std::unexpected(std::move(fault));
}

Outcome<ApplyResult> apply(const Layers& layers, const Tree& work, const std::string& word, std::vector<Change> changes,
                           const ApplyOptions& options, const Progress& progress) {
  if (auto conflicts = conflicts_in(changes); !conflicts.empty() && !options.force) {
    return ApplyResult{.refused = std::move(conflicts)};
  }
  const UpperWriter upper(layers, work);
  const HostWriter host(layers, word);
  const auto renames = settle_renames(layers, upper, host, options.selection, progress);
  if (!renames) return std::unexpected(renames.error());
  std::vector<Change> renamed;
  if (*renames > 0) {
    // What lies below a renamed directory is now compared with another place.
    std::ranges::copy_if(changes, std::back_inserter(renamed), [](const Change& c) { return c.kind == Kind::renamed; });
    auto again = scan(layers, Thoroughness::exact, progress);
    if (!again) return std::unexpected(again.error());
    std::erase_if(*again, [&](const Change& change) {
      return !options.selection.covers(change) && !is_on_the_way(change, options.selection);
    });
    changes = *std::move(again);
    // What is made by copying may be the host's own.
    if (const Outcome<> wanted = check_devices(changes, options); !wanted) return std::unexpected(wanted.error());
  }
  auto result = Apply(layers, upper, host, options.selection, progress, std::move(changes)).run();
  if (!result) return result;
  // Told as the rename that it was, and not again as what it took to make it.
  for (Change& change : renamed) {
    std::erase_if(result->applied, [&](const Change& other) { return other.path == change.path; });
    if (options.selection.covers(change.path)) result->applied.push_back(std::move(change));
  }
  std::ranges::sort(result->applied, {}, &Change::path);
  return result;
}

}  // namespace fusebox::review
