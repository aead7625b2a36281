// Identity, place and layers of a merged node; the other cow_*.cc hold its operations.
#include "store/cow_node.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <set>
#include <utility>

#include "store/cow_directory.h"
#include "store/cow_file.h"
#include "store/release.h"
#include "store/xattr.h"

namespace fusebox {
namespace {

// Set in the device of an identity that is an upper file's: lower ones have mount ids of 31 bits there (mount_key()).
constexpr std::uint64_t kUpperBit = std::uint64_t{1} << 63;

Identity upper_identity(Identity identity) {
  identity.device |= kUpperBit;
  return identity;
}

// Takes the names of one layer.
class CollectSink final : public DirSink {
 public:
  explicit CollectSink(std::vector<CowNode::Listed>& into) : into_(into) {}
  bool wants_entries() const override { return false; }
  bool add(std::string_view name, std::uint64_t ino, std::uint8_t type, std::uint64_t) override {
    if (name != "." && name != "..") into_.push_back({std::string(name), ino, type, false});
    return true;
  }
  bool add(std::string_view, Entry, std::uint64_t) override { return true; }

 private:
  std::vector<CowNode::Listed>& into_;
};

Result<std::vector<CowNode::Listed>> list_layer(HostNode& directory) {
  std::vector<CowNode::Listed> listed;
  const Result<Opened> opened = directory.opendir({}).run();
  if (!opened) return fail(opened.error());
  CollectSink sink(listed);
  if (const Result<> done = opened->handle->readdir({}, 0, sink).run(); !done) return fail(done.error());
  return listed;
}

bool is_missing(const Result<Entry>& entry) {
  return entry ? entry->node == nullptr : entry.error() == Errno::no_entry;
}

}  // namespace

CowNode::CowNode(CowCore& core, const CowChild& shown, std::uint64_t parent_mount)
    : core_(core),
      type_(shown.attr.mode & S_IFMT),
      mount_(shown.lower != nullptr ? shown.lower->mount().key : parent_mount),
      lock_node_(shown.lower != nullptr ? shown.lower : shown.upper),
      lower_(shown.lower) {
  if (lower_ != nullptr) {
    identity_ = lower_->known_identity();
    shown_inode_ = lower_->shown_inode();
    if (shown.upper == nullptr) birth_ = shown.attr.btime;
  } else {
    identity_ = upper_identity(shown.upper->known_identity());
    shown_inode_ = shown.upper->shown_inode();
  }
  if (shown.upper == nullptr) return;
  upper_ = shown.upper;
  const Result<Lease> own = upper_->acquire(HostNode::Need::place);
  if (!own || S_ISDIR(type_)) return;
  const XattrTarget target(upper_->core(), **own);
  // A copy keeps the number of what it is a copy of.
  if (const std::optional<Origin> origin = core_.format.origin(target); origin && lower_ == nullptr) {
    InodeNumbers& numbers = upper_->core().numbers;
    shown_inode_ = numbers.shown(numbers.device_index(origin->device), origin->inode);
  }
  // The index's link may be the only one, where all names are lower ones.
  if (shown.attr.nlink > 1 || !shown.is_named_above) more_links_ = core_.format.more_links(target);
}

Ref<CowNode> CowNode::make_known(CowCore& core, const CowChild& shown, std::uint64_t parent_mount) {
  Ref<CowNode> node = make<CowNode>(core, shown, parent_mount);
  // Not before: whoever finds it finds it whole.
  if (shown.lower != nullptr) core.table.add(CowTable::Layer::lower, shown.lower->known_identity(), node.get());
  if (shown.upper != nullptr) core.table.add(CowTable::Layer::upper, shown.upper->known_identity(), node.get());
  return node;
}

CowNode::~CowNode() {
  if (lower_ != nullptr) core_.table.erase(CowTable::Layer::lower, lower_->known_identity(), this);
  if (upper_ != nullptr) core_.table.erase(CowTable::Layer::upper, upper_->known_identity(), this);
  release(std::move(location_.parent));
}

Ref<HostNode> CowNode::upper() const {
  const std::lock_guard lock(mutex_);
  return upper_;
}

Ref<HostNode> CowNode::lower() const {
  const std::lock_guard lock(mutex_);
  return lower_;
}

Ref<HostNode> CowNode::current() const {
  const std::lock_guard lock(mutex_);
  return upper_ != nullptr ? upper_ : lower_;
}

CowNode::Location CowNode::location() const {
  const std::lock_guard lock(mutex_);
  return location_;
}

std::uint64_t CowNode::shown_parent_inode() const {
  const Ref<CowNode> above = location().parent;
  return above != nullptr ? above->shown_inode() : shown_inode();
}

void CowNode::place(const Ref<CowNode>& parent, std::string_view name) {
  std::unique_lock one_move(core_.moving_directories, std::defer_lock);
  {
    const std::lock_guard lock(mutex_);
    if (location_.parent == parent && location_.name == name) return;
  }
  if (S_ISDIR(type_)) {
    // As in HostNode::place: places must not form a circle, whatever moves below.
    one_move.lock();
    if (is_at_or_above(parent)) return;
  }
  Location old{parent, std::string(name)};
  {
    const std::lock_guard lock(mutex_);
    std::swap(location_, old);
  }
  release(std::move(old.parent));
}

void CowNode::unplace(const CowNode* parent, std::string_view name) {
  Location old;
  {
    const std::lock_guard lock(mutex_);
    if (location_.parent.get() != parent || location_.name != name) return;
    std::swap(location_, old);
  }
  release(std::move(old.parent));
}

bool CowNode::is_at_or_above(Ref<CowNode> node) const {
  while (node != nullptr && node.get() != this) node = node->location().parent;
  return node != nullptr;
}

void CowNode::forget_subdirectories() {
  const std::lock_guard lock(mutex_);
  subdirectories_.reset();
}

// From now on the upper file counts, for those who have the lower one open, too.
void CowNode::set_upper(const Ref<HostNode>& upper) {
  core_.table.add(CowTable::Layer::upper, upper->known_identity(), this);
  const std::lock_guard lock(mutex_);
  upper_ = upper;
  for (CowFile* reader : std::exchange(readers_, {})) {
    // Through the page cache, as before: the kernel refuses to mix (data_path.h), and so those that follow do the same.
    Result<Opened> opened = upper->open_for({}, O_RDONLY, HostNode::Passing::never);
    reader->go_on_with(opened ? std::move(opened->handle) : nullptr);
  }
}

void CowNode::closed(CowFile* reader) {
  const std::lock_guard lock(mutex_);
  std::erase(readers_, reader);
}

Attr CowNode::shown(Attr attr) {
  attr.ino = shown_inode_;
  if (birth_) attr.btime = birth_;
  Ref<HostNode> lower;
  Ref<HostNode> upper;
  {
    const std::lock_guard lock(mutex_);
    lower = lower_;
    upper = upper_;
    if (!S_ISDIR(type_)) {
      if (upper != nullptr)
        attr.nlink = static_cast<std::uint32_t>(static_cast<int>(attr.nlink) + more_links_.value_or(0));
      if (upper == nullptr) attr.nlink -= std::min(attr.nlink, lost_names_);
      return attr;
    }
  }
  if (lower != nullptr && upper != nullptr && attr.nlink > 1) attr.nlink = subdirectories(*lower, *upper);
  return attr;
}

// The link count of a merged directory.  The caller holds CowCore::names.
std::uint32_t CowNode::subdirectories(const HostNode& lower, HostNode& upper) {
  auto& below = const_cast<HostNode&>(lower);
  const Result<FileStatus> status = below.status();
  if (!status) return 1;
  if (status->stx_nlink < 2) return status->stx_nlink;  // a file system that does not count them
  {
    const std::lock_guard lock(mutex_);
    if (subdirectories_) return static_cast<std::uint32_t>(static_cast<int>(status->stx_nlink) + *subdirectories_);
  }
  int more = 0;
  const Result<std::vector<Listed>> listed = list_layer(upper);
  if (!listed) return 1;
  for (const Listed& item : *listed) {
    const Result<Name> name = Name::parse(item.name);
    const Result<Entry> hidden = name ? below.find(*name) : fail(name.error());
    const bool was = !is_missing(hidden) && hidden && hidden->attr.is_directory();
    more += static_cast<int>(item.type == DT_DIR) - static_cast<int>(was);
  }
  const std::lock_guard lock(mutex_);
  subdirectories_ = more;
  return static_cast<std::uint32_t>(static_cast<int>(status->stx_nlink) + more);
}

// False: whatever the lower directory has under this name is not shown.
Result<bool> CowNode::look_up_upper(Name name, CowChild& child) {
  const Ref<HostNode> directory = upper();
  if (directory == nullptr) return true;
  Result<Entry> found = directory->find(name);
  if (is_missing(found)) {
    if (found) child.valid_for = found->valid_for;
    return true;
  }
  if (!found) return fail(found.error());
  child.valid_for = found->valid_for;
  if (is_whiteout(found->attr.mode, found->attr.rdev)) {
    child.is_whiteout = true;
    child.valid_for = directory->core().negative_validity;
    return false;
  }
  child.upper = std::static_pointer_cast<HostNode>(std::move(found->node));
  child.is_named_above = true;
  child.attr = found->attr;
  if (!child.attr.is_directory()) return false;
  // One that is known says itself what it shows.
  if (const Ref<CowNode> known = core_.table.find(CowTable::Layer::upper, child.upper->known_identity())) {
    child.lower = known->lower();
    return false;
  }
  const Result<Lease> own = child.upper->acquire(HostNode::Need::place);
  if (!own) return fail(own.error());
  const Result<bool> is_opaque = core_.format.is_opaque(XattrTarget(child.upper->core(), **own));
  return is_opaque ? Result<bool>(!*is_opaque) : is_opaque;
}

Result<> CowNode::look_up_lower(Name name, bool is_shown, CowChild& child) {
  const Ref<HostNode> directory = lower();
  if (directory == nullptr) return {};
  Result<Entry> found = directory->find(name);
  if (is_missing(found)) {
    if (found && child.upper == nullptr) child.valid_for = found->valid_for;
    return {};
  }
  if (!found) return fail(found.error());
  const auto node = std::static_pointer_cast<HostNode>(found->node);
  child.hides = true;
  child.hides_directory = found->attr.is_directory();
  child.is_border = node->mount().key != directory->mount().key || directory->graft_at(name.text()) != nullptr;
  if (!is_shown) return {};
  if (child.upper == nullptr) {
    child.lower = node;
    child.attr = found->attr;
    child.valid_for = found->valid_for;
  } else if (child.hides_directory) {
    child.lower = node;
  }
  return {};
}

Result<CowChild> CowNode::child(Name name, bool looks_below) {
  CowChild child;
  const Result<bool> is_shown = look_up_upper(name, child);
  if (!is_shown) return fail(is_shown.error());
  if (*is_shown || looks_below) {
    if (const Result<> found = look_up_lower(name, *is_shown, child); !found) return fail(found.error());
  }
  if (child.lower == nullptr || child.upper != nullptr || child.attr.is_directory() || child.attr.nlink < 2)
    return child;
  // Another name of this file may have been used to change it.
  const Result<Ref<HostNode>> copy = indexed(child);
  if (!copy) return fail(copy.error());
  if (*copy == nullptr) return child;
  const Result<FileStatus> status = (*copy)->status();
  if (!status) return fail(status.error());
  child.attr = to_attr(*status, 0, child.attr.valid_for);
  child.upper = *copy;
  return child;
}

Ref<CowNode> CowNode::node_of(const CowChild& child, std::string_view name) {
  Ref<CowNode> node;
  if (child.upper != nullptr) node = core_.table.find(CowTable::Layer::upper, child.upper->known_identity());
  if (node == nullptr && child.lower != nullptr) {
    node = core_.table.find(CowTable::Layer::lower, child.lower->known_identity());
  }
  if (node == nullptr) {
    const std::lock_guard making(core_.making);
    if (child.upper != nullptr) node = core_.table.find(CowTable::Layer::upper, child.upper->known_identity());
    if (node == nullptr && child.lower != nullptr) {
      node = core_.table.find(CowTable::Layer::lower, child.lower->known_identity());
    }
    if (node == nullptr) node = make_known(core_, child, mount_);
  }
  node->place(shared_from_this(), name);
  return node;
}

Entry CowNode::entry_of(const CowChild& child, std::string_view name) {
  if (!child.exists()) return {.node = nullptr, .attr = {}, .valid_for = child.valid_for};
  // A graft is a tree of its own.
  if (child.is_border && child.upper == nullptr) {
    const Ref<HostNode> directory = lower();
    if (directory != nullptr && directory->graft_at(name) != nullptr) {
      return {.node = child.lower, .attr = child.attr, .valid_for = child.valid_for};
    }
  }
  const Ref<CowNode> node = node_of(child, name);
  return {.node = node, .attr = node->shown(child.attr), .valid_for = child.valid_for};
}

Result<Entry> CowNode::find(Name name) {
  const std::shared_lock lock(core_.names);
  const Result<CowChild> found = child(name, false);
  if (!found) return fail(found.error());
  if (!found->exists() && found->valid_for <= Validity::zero()) return fail(Errno::no_entry);
  return entry_of(*found, name.text());
}

Result<std::vector<CowNode::Listed>> CowNode::list() {
  const std::shared_lock lock(core_.names);
  return list_locked();
}

Result<std::vector<CowNode::Listed>> CowNode::list_locked() {
  const Ref<HostNode> above = upper();
  const Ref<HostNode> below = lower();
  if (above == nullptr) return list_layer(*below);
  Result<std::vector<Listed>> listed = list_layer(*above);
  if (!listed) return listed;
  std::set<std::string, std::less<>> covered;
  std::erase_if(*listed, [&](Listed& item) {
    item.is_in_upper = true;
    covered.insert(item.name);
    if (item.type != DT_CHR && item.type != DT_UNKNOWN) return false;
    const Result<Name> name = Name::parse(item.name);
    const Result<Entry> entry = name ? above->find(*name) : fail(name.error());
    return entry && entry->node != nullptr && is_whiteout(entry->attr.mode, entry->attr.rdev);
  });
  if (below == nullptr) return listed;
  Result<std::vector<Listed>> more = list_layer(*below);
  if (!more) return more;
  for (Listed& item : *more) {
    if (!covered.contains(item.name)) listed->push_back(std::move(item));
  }
  return listed;
}

Result<bool> CowNode::is_empty() {
  const Result<std::vector<Listed>> listed = list_locked();
  if (!listed) return fail(listed.error());
  return listed->empty();
}

}  // namespace fusebox
