#include "review/export.h"

#include <fcntl.h>

#include <algorithm>
#include <ranges>
#include <set>
#include <utility>

#include "review/layer_tar.h"

namespace fusebox::review {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";

// A directory to be written: the box's, or one of the host's that the box shows at another place.
struct Task {
  Directory directory;
  bool is_whole = false;  // all that it shows, as nothing of the lower layer's is seen through it
  bool is_hosts = false;
};

class Export {
 public:
  Export(const Layers& layers, LayerTar& tar, const Progress& progress,
         const std::function<void(const Fault&)>& complain)
      : layers_(layers), tar_(tar), progress_(progress), complain_(complain) {}

  Outcome<> run(const std::vector<Change>& changes) {
    for (const Change& change : changes) {
      changed_.insert(change.path);
      for (std::string_view above = change.path; !above.empty();) {
        above = parent_of(above);
        if (!on_the_way_.emplace(above).second) break;
      }
    }
    auto top = top_directory(layers_);
    if (!top) return std::unexpected(top.error());
    waiting_.push_back({.directory = *std::move(top)});
    while (!waiting_.empty()) {
      const Task task = std::move(waiting_.back());
      waiting_.pop_back();
      const Outcome<> done = task.is_hosts ? add_hosts(task.directory) : add_directory(task);
      if (!done) return done;
    }
    return {};
  }

 private:
  Outcome<> add_directory(Task task) {
    const Directory& directory = task.directory;
    const auto entry = entry_of(layers_.upper, directory.path, layers_.space);
    if (!entry) return std::unexpected(fault_at(directory.path, entry.error()));
    if (!*entry) return {};
    if (!directory.path.empty()) {
      const Outcome<> added =
          add(layers_.upper, directory.path, (*entry)->status, (*entry)->xattrs, directory.path + "/");
      if (!added) return added;
    }
    const bool hides_all = (directory.hides && directory.base) || !directory.from.empty();
    if (hides_all && !task.is_whole) {
      if (const Outcome<> marked = tar_.add_mark(join(directory.path, kOpaque)); !marked) return marked;
    }
    task.is_whole = task.is_whole || hides_all || !directory.base;
    const auto names = layers_.upper.names(directory.path);
    if (!names) return std::unexpected(fault_at(directory.path, names.error()));
    std::vector<Task> below;
    for (const std::string& name : *names) {
      if (const Outcome<> done = add_name(task, name, below); !done) return done;
    }
    if (task.is_whole && directory.base && !directory.hides) {
      if (const Outcome<> done = add_shown(directory, *names, below); !done) return done;
    }
    for (Task& next : below | std::views::reverse) waiting_.push_back(std::move(next));
    return {};
  }

  Outcome<> add_name(const Task& task, const std::string& name, std::vector<Task>& below) {
    const std::string path = join(task.directory.path, name);
    progress_(path);
    const auto entry = entry_of(layers_.upper, path, layers_.space);
    if (!entry) return std::unexpected(fault_at(path, entry.error()));
    if (!*entry) return {};
    if ((*entry)->is_whiteout(task.directory.marks)) return add_removal(task, name);
    if (!(*entry)->status.is_directory()) {
      const bool is_wanted = task.is_whole || changed_.contains(path);
      return is_wanted ? add(layers_.upper, path, (*entry)->status, (*entry)->xattrs, path) : Outcome<>();
    }
    if (!task.is_whole && !changed_.contains(path) && !on_the_way_.contains(path)) return {};
    auto child = child_directory(layers_, task.directory, name, **entry);
    if (!child) return std::unexpected(child.error());
    below.push_back({.directory = *std::move(child), .is_whole = task.is_whole});
    return {};
  }

  Outcome<> add_removal(const Task& task, const std::string& name) {
    if (task.is_whole || !task.directory.base) return {};
    const auto there = layers_.host.find(join(*task.directory.base, name));
    if (!there) return std::unexpected(fault_at(join(task.directory.path, name), there.error()));
    if (!*there) return {};
    return tar_.add_mark(join(task.directory.path, std::string(kWhiteout) + name));
  }

  // What a renamed directory shows of the host.
  Outcome<> add_shown(const Directory& directory, const std::vector<std::string>& ours, std::vector<Task>& below) {
    const auto theirs = layers_.host.names(*directory.base);
    if (!theirs) return std::unexpected(fault_at(*directory.base, theirs.error()));
    for (const std::string& name : *theirs) {
      if (std::ranges::binary_search(ours, name)) continue;
      if (const Outcome<> done = add_shown_name(directory, name, below); !done) return done;
    }
    return {};
  }

  Outcome<> add_shown_name(const Directory& directory, const std::string& name, std::vector<Task>& below) {
    const std::string source = join(*directory.base, name);
    const std::string path = join(directory.path, name);
    progress_(path);
    const Result<Fd> file = layers_.host.open(source, O_PATH);
    if (!file) return std::unexpected(fault_at(source, file.error()));
    const Result<Status> status = status_of(file->get());
    if (!status) return std::unexpected(fault_at(source, status.error()));
    auto xattrs = read_xattrs(file->get());
    if (!xattrs) return std::unexpected(fault_at(source, xattrs.error()));
    std::erase_if(*xattrs, [](const auto& attribute) { return !is_carried(attribute.first); });
    if (status->is_directory()) below.push_back({.directory = {.path = path, .base = source}, .is_hosts = true});
    return add(layers_.host, source, *status, *xattrs, status->is_directory() ? path + "/" : path);
  }

  Outcome<> add_hosts(const Directory& directory) {
    std::vector<Task> below;
    if (const Outcome<> done = add_shown(directory, {}, below); !done) return done;
    for (Task& next : below | std::views::reverse) waiting_.push_back(std::move(next));
    return {};
  }

  Outcome<> add(const Tree& tree, std::string_view source, const Status& status, const Xattrs& xattrs,
                const std::string& name) {
    const std::string_view last =
        name_of(name.ends_with('/') ? std::string_view(name).substr(0, name.size() - 1) : name);
    if (last.starts_with(kWhiteout)) {
      return std::unexpected(fault_at(source, "a name that means a removal in a layer", "discard it, or rename it"));
    }
    if (S_ISSOCK(status.mode)) {
      complain_(fault_at(source, "a socket, which a layer cannot hold, is left out"));
      return {};
    }
    return tar_.add(tree, source, status, xattrs, name);
  }

  const Layers& layers_;
  LayerTar& tar_;
  const Progress& progress_;
  const std::function<void(const Fault&)>& complain_;
  std::set<std::string, std::less<>> changed_;
  std::set<std::string, std::less<>> on_the_way_;
  std::vector<Task> waiting_;
};

}  // namespace

Outcome<> export_layer(const Layers& layers, const std::vector<Change>& changes, int fd, const Progress& progress,
                       const std::function<void(const Fault&)>& complain) {
  auto tar = LayerTar::create(fd);
  if (!tar) return std::unexpected(tar.error());
  const Outcome<> written = Export(layers, *tar, progress, complain).run(changes);
  if (!written) return written;
  return tar->close();
}

}  // namespace fusebox::review
