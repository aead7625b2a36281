// From the lower to the upper directory: before the first change of a file, and of what is above it.
//
// A copy is made in the scratch directory, complete, and then gets its name; so a killed server leaves nothing
// half-made.
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <utility>

#include "cow/cow_node.h"
#include "cow/file_copy.h"
#include "cow/upper_files.h"

namespace fusebox {

// A complete copy that has no name yet but in the scratch directory.
struct CowNode::Copy {
  std::string name;
  FileStatus status{};  // of what it is a copy of
  Origin origin;
};

namespace {

constexpr mode_t kOnlyServer = 0600;

Origin origin_of(const HostNode& lower) {
  const Identity identity = lower.known_identity();
  // The mount's number, in the upper half, is another one the next time.
  return {.device = identity.device & 0xFFFFFFFF, .inode = identity.inode, .generation = identity.generation};
}

Result<> copy_contents(HostNode& lower, const FileStatus& status, int scratch, const char* name) {
  if (S_ISREG(status.stx_mode)) {
    const Result<Lease> data = lower.acquire(HostNode::Need::data);
    if (!data) return fail(data.error());
    Result<Fd> copy = lower.core().open(scratch, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, kOnlyServer);
    return copy ? copy_data((*data)->fd.get(), copy->get()) : Result<>(fail(copy.error()));
  }
  if (S_ISLNK(status.stx_mode)) {
    const Result<std::string> target = lower.readlink({}).run();
    if (!target) return fail(target.error());
    if (::symlinkat(target->c_str(), scratch, name) != 0) return fail_with_errno();
    return {};
  }
  if (S_ISDIR(status.stx_mode)) {
    if (::mkdirat(scratch, name, kOnlyServer | S_IXUSR) != 0) return fail_with_errno();
    return {};
  }
  const dev_t device = makedev(status.stx_rdev_major, status.stx_rdev_minor);
  if (is_whiteout(status.stx_mode, device)) return fail(Errno::not_permitted);  // the copy would not be seen
  if (::mknodat(scratch, name, (status.stx_mode & S_IFMT) | kOnlyServer, device) != 0) return fail_with_errno();
  return {};
}

Result<> copy_metadata(HostNode& lower, const FileStatus& status, const OverlayFormat& format, const HostCore& above,
                       int scratch, const char* name, const std::string& path) {
  const Result<Lease> source = lower.acquire(HostNode::Need::place);
  if (!source) return fail(source.error());
  Fd opened(::openat(scratch, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!opened) return fail_with_errno();
  const Descriptor copy(std::move(opened), false);
  const XattrTarget target(above, copy);
  if (const Result<> done = copy_attributes(XattrTarget(lower.core(), **source), status, target, format); !done) {
    return done;
  }
  // Ordinary users may put attributes on files and directories only (xattr(7)), and file systems keep little for each
  // file: without its marks the copy shows its own number, which is all that it lacks.
  Result<> marked = format.set_origin(target, origin_of(lower));
  if (marked) marked = format.set_source(target, status, path);
  const bool may_do_without = !S_ISREG(status.stx_mode) && !S_ISDIR(status.stx_mode);
  const bool is_full = !marked && (marked.error() == Errno{ENOSPC} || marked.error() == Errno{E2BIG});
  return marked || may_do_without || is_full ? Result<>() : marked;
}

}  // namespace

// chattr(1): nobody changes it, not even root.
Result<> CowNode::check_changeable() const {
  const Ref<HostNode> below = lower();
  if (below == nullptr || upper() != nullptr) return {};
  const Result<FileStatus> status = below->status();
  if (!status) return fail(status.error());
  if ((status->stx_attributes & STATX_ATTR_IMMUTABLE) != 0) return fail(Errno::not_permitted);
  return {};
}

// As the box sees it; what was removed has none.
std::string CowNode::path() const {
  std::string path;
  for (Location here = location(); here.parent != nullptr; here = here.parent->location()) {
    path.insert(0, "/" + here.name);
    if (path.size() > PATH_MAX) break;
  }
  return path;
}

Result<CowNode::Copy> CowNode::copy_aside(HostNode& lower) {
  if (const Result<> open = core_.need_upper(); !open) return fail(open.error());
  const Result<FileStatus> status = lower.status();
  if (!status) return fail(status.error());
  const Result<Lease> scratch = core_.scratch->acquire(HostNode::Need::place);
  if (!scratch) return fail(scratch.error());
  const int place = (*scratch)->fd.get();
  Copy copy{.name = core_.scratch_name(), .status = *status, .origin = origin_of(lower)};
  Result<> made = copy_contents(lower, *status, place, copy.name.c_str());
  if (made) made = copy_metadata(lower, *status, core_.format, core_.scratch->core(), place, copy.name.c_str(), path());
  if (made) return copy;
  (void)unlink_at(place, copy.name.c_str(), S_ISDIR(status->stx_mode) ? AT_REMOVEDIR : 0);
  return fail(made.error());
}

Result<> CowNode::copy_up() {
  {
    const std::lock_guard lock(mutex_);
    if (upper_ != nullptr && !more_links_) return {};
  }
  const std::lock_guard one(copying_);
  if (upper() != nullptr) {
    const std::unique_lock names(core_.names);
    return add_name();
  }
  if (const Result<> can = check_changeable(); !can) return can;
  if (S_ISDIR(type_)) {
    const std::unique_lock names(core_.names);
    const Result<Ref<HostNode>> made = make_upper();
    return made ? Result<>() : Result<>(fail(made.error()));
  }
  const Result<Copy> copy = copy_aside(*lower());
  if (!copy) return fail(copy.error());
  const std::unique_lock names(core_.names);
  return install(*copy);
}

// Of a directory, with all above it.
Result<Ref<HostNode>> CowNode::make_upper() {
  if (const Result<> open = core_.need_upper(); !open) return fail(open.error());
  std::vector<Ref<CowNode>> missing;
  for (Ref<CowNode> node = shared_from_this(); node != nullptr && node->upper() == nullptr;) {
    missing.push_back(node);
    node = missing.back()->location().parent;
  }
  for (auto node = missing.rbegin(); node != missing.rend(); ++node) {
    if (const Result<> made = (*node)->make_upper_here(); !made) return fail(made.error());
  }
  return upper();
}

Result<> CowNode::make_upper_here() {
  const Result<Copy> copy = copy_aside(*lower());
  return copy ? install(*copy) : Result<>(fail(copy.error()));
}

Result<> CowNode::install(const Copy& copy) {
  const Result<Ref<HostNode>> upper = name_copy(copy);
  if (!upper) {
    const Result<Lease> scratch = core_.scratch->acquire(HostNode::Need::place);
    if (scratch) (void)unlink_at((*scratch)->fd.get(), copy.name.c_str(), S_ISDIR(type_) ? AT_REMOVEDIR : 0);
    return fail(upper.error());
  }
  if (!S_ISDIR(type_) && copy.status.stx_nlink > 1) {
    const Result<FileStatus> now = (*upper)->status();
    if (!now) return fail(now.error());
    const auto names = static_cast<int>(copy.status.stx_nlink) - static_cast<int>(lost_names_);
    set_upper(*upper);
    return set_more_links(names - static_cast<int>(now->stx_nlink));
  }
  set_upper(*upper);
  return {};
}

Result<Ref<HostNode>> CowNode::name_copy(const Copy& copy) {
  const Result<Lease> scratch = core_.scratch->acquire(HostNode::Need::place);
  if (!scratch) return fail(scratch.error());
  const int place = (*scratch)->fd.get();
  const Location at = location();
  Ref<HostNode> directory = core_.scratch;
  std::string name = copy.name;
  if (!S_ISDIR(type_) && copy.status.stx_nlink > 1) {
    const Result<Lease> index = core_.index->acquire(HostNode::Need::place);
    if (!index) return fail(index.error());
    const std::string key = copy.origin.text();
    (void)unlink_at((*index)->fd.get(), key.c_str());  // of an earlier attempt
    if (::linkat(place, name.c_str(), (*index)->fd.get(), key.c_str(), 0) != 0) return fail_with_errno();
  }
  if (at.parent != nullptr) {
    const Result<Ref<HostNode>> above = at.parent->make_upper();
    if (!above) return above;
    const Result<Lease> target = (*above)->acquire(HostNode::Need::place);
    if (!target) return fail(target.error());
    const KeepTimes keep((*target)->fd.get());
    const Result<> renamed = rename_at(place, name.c_str(), (*target)->fd.get(), at.name.c_str(), RENAME_NOREPLACE);
    if (!renamed) return fail(renamed.error());
    directory = *above;
    name = at.name;
  }
  const Result<Entry> found = directory->find(*Name::parse(name));
  if (!found) return fail(found.error());
  auto node = std::static_pointer_cast<HostNode>(found->node);
  if (at.parent != nullptr) return node;
  // Removed in the box, and still in use: the copy has no name either.
  const Result<Lease> kept = node->acquire(HostNode::Need::place);
  if (!kept) return fail(kept.error());
  if (const Result<> gone = unlink_at(place, name.c_str(), S_ISDIR(type_) ? AT_REMOVEDIR : 0); !gone) {
    return fail(gone.error());
  }
  return node;
}

Result<Ref<HostNode>> CowNode::indexed(const CowChild& child) const {
  if (!core_.has_upper()) return Ref<HostNode>();
  const std::string key = origin_of(*child.lower).text();
  const Result<Entry> found = core_.index->find(*Name::parse(key));
  if (found && found->node != nullptr) return std::static_pointer_cast<HostNode>(found->node);
  if (found || found.error() == Errno::no_entry) return Ref<HostNode>();
  return fail(found.error());
}

// The name that was used last leads to the copy in the upper directory, too.
Result<> CowNode::add_name() {
  const Location at = location();
  const Ref<HostNode> copy = upper();
  {
    const std::lock_guard lock(mutex_);
    if (!more_links_ || at.parent == nullptr) return {};
  }
  const Result<Name> name = Name::parse(at.name);
  const Result<CowChild> here = name ? at.parent->child(*name, false) : fail(name.error());
  if (!here) return fail(here.error());
  if (here->is_named_above || here->upper != copy) return {};
  const Result<Ref<HostNode>> directory = at.parent->make_upper();
  if (!directory) return fail(directory.error());
  const Result<Lease> target = (*directory)->acquire(HostNode::Need::place);
  const Result<Lease> own = copy->acquire(HostNode::Need::place);
  if (!target || !own) return fail(target ? own.error() : target.error());
  const KeepTimes keep((*target)->fd.get());
  const Result<> linked = link_at(copy->core(), (*own)->fd.get(), (*target)->fd.get(), at.name.c_str());
  return linked ? set_more_links(*more_links_ - 1) : linked;
}

Result<> CowNode::set_more_links(int count) {
  Ref<HostNode> file;
  {
    const std::lock_guard lock(mutex_);
    more_links_ = count;
    file = upper_;
  }
  const Result<Lease> own = file->acquire(HostNode::Need::place);
  if (!own) return fail(own.error());
  return core_.format.set_more_links(XattrTarget(file->core(), **own), count);
}

void CowNode::lost_name(bool was_above) {
  Ref<HostNode> file;
  int more = 0;
  {
    const std::lock_guard lock(mutex_);
    if (upper_ == nullptr) ++lost_names_;
    if (upper_ == nullptr || !more_links_) return;
    more = *more_links_ - (was_above ? 0 : 1);
    file = upper_;
  }
  (void)set_more_links(more);
  const Result<FileStatus> status = file->status();
  if (!status || static_cast<int>(status->stx_nlink) + more > 0) return;
  // What is left is the link in the index.
  const Result<Lease> own = file->acquire(HostNode::Need::place);
  const Result<Lease> index = core_.index->acquire(HostNode::Need::place);
  if (!own || !index) return;
  const std::optional<Origin> origin = core_.format.origin(XattrTarget(file->core(), **own));
  if (origin && unlink_at((*index)->fd.get(), origin->text().c_str())) {
    const std::lock_guard lock(mutex_);
    more_links_.reset();
  }
}

// What is called `name`, with all below it, so that it can be moved.
Result<> CowNode::bring_up(Name name) {
  Ref<CowNode> node;
  {
    const std::shared_lock lock(core_.names);
    const Result<CowChild> found = child(name, true);
    if (!found) return fail(found.error());
    if (!found->exists()) return fail(Errno::no_entry);
    if (found->is_border) return fail(Errno{EBUSY});
    node = node_of(*found, name.text());
  }
  if (const Result<> copied = node->copy_up(); !copied) return copied;
  return S_ISDIR(node->type_) && node->lower() != nullptr ? node->bring_up_all() : Result<>();
}

// Null: there is none.  Another file system is not copied as a part of this one.
Result<Ref<CowNode>> CowNode::child_of_one_file_system(const std::string& listed) {
  const Result<Name> name = Name::parse(listed);
  if (!name) return fail(name.error());
  const std::shared_lock lock(core_.names);
  const Result<CowChild> found = child(*name, true);
  if (!found) return fail(found.error());
  if (!found->exists()) return Ref<CowNode>();
  if (found->is_border) return fail(Errno::cross_device);
  return node_of(*found, listed);
}

// Not by recursion, as the tree may be deep.
Result<> CowNode::bring_up_all() {
  struct Level {
    Ref<CowNode> directory;
    std::vector<Listed> names;
  };
  std::vector<Level> levels;
  levels.push_back({shared_from_this(), {}});
  bool is_new = true;
  while (!levels.empty()) {
    Level& level = levels.back();
    if (is_new) {
      Result<std::vector<Listed>> listed = level.directory->list();
      if (!listed) return fail(listed.error());
      level.names = *std::move(listed);
    }
    is_new = false;
    if (level.names.empty()) {
      const Result<bool> done = level.directory->become_opaque();
      if (!done) return fail(done.error());
      is_new = !*done;  // somebody made more meanwhile
      if (*done) levels.pop_back();
      continue;
    }
    const Listed item = std::move(level.names.back());
    level.names.pop_back();
    if (item.is_in_upper && item.type != DT_DIR) continue;
    const Result<Ref<CowNode>> found = level.directory->child_of_one_file_system(item.name);
    if (!found) return fail(found.error());
    const Ref<CowNode>& node = *found;
    if (node == nullptr) continue;
    if (const Result<> copied = node->copy_up(); !copied) return copied;
    if (S_ISDIR(node->type_) && node->lower() != nullptr) {
      levels.push_back({node, {}});
      is_new = true;
    }
  }
  return {};
}

// False: not everything is in the upper directory.
Result<bool> CowNode::become_opaque() {
  const std::unique_lock lock(core_.names);
  const Ref<HostNode> below = lower();
  if (below == nullptr) return true;
  const Result<std::vector<Listed>> listed = list_locked();
  if (!listed) return fail(listed.error());
  for (const Listed& item : *listed) {
    if (!item.is_in_upper) return false;
  }
  const Ref<HostNode> above = upper();
  const Result<Lease> own = above->acquire(HostNode::Need::place);
  if (!own) return fail(own.error());
  if (const Result<> set = core_.format.set_opaque(XattrTarget(above->core(), **own)); !set) return fail(set.error());
  core_.table.erase(CowTable::Layer::lower, below->known_identity(), this);
  const std::lock_guard own_lock(mutex_);
  lower_.reset();
  return true;
}

}  // namespace fusebox
