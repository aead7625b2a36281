// Identity, place and descriptor of a node; the other host_node_*.cc hold its operations.
#include "store/host_node.h"

#include <fcntl.h>

#include <utility>
#include <vector>

#include "store/host_core.h"
#include "store/open_state.h"
#include "store/release.h"

namespace fusebox {
namespace {

constexpr int kPlaceFlags = O_PATH | O_NOFOLLOW;
// O_NONBLOCK: should a FIFO have taken the name, opening it waits for nobody; for a regular file it means nothing.
constexpr int kDataFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW;

bool means_elsewhere(Errno error) {
  return error == Errno::no_entry || error == Errno::not_directory || error == Errno{ELOOP} || error == Errno{ENXIO};
}

}  // namespace

std::uint64_t generation_of(const FileStatus& status, int directory, const char* name) {
  if ((status.stx_mask & STATX_BTIME) != 0) {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    return static_cast<std::uint64_t>(status.stx_btime.tv_sec) * kSecond + status.stx_btime.tv_nsec;
  }
  const Result<FileHandle> handle = *name == '\0' ? FileHandle::of(directory) : FileHandle::of(directory, name);
  return handle ? handle->hash() : 0;
}

HostNode::HostNode(HostCore& core, const Mount& mount, const FileStatus& status, std::uint64_t generation,
                   Ref<HostNode> parent, std::string_view name)
    : core_(core),
      mount_(mount),
      inode_(status.stx_ino),
      generation_(generation),
      type_(status.stx_mode & S_IFMT),
      location_{std::move(parent), std::string(name)} {}

HostNode::~HostNode() {
  core_.nodes.erase(this);
  if (descriptor_ != nullptr) core_.descriptors.forget(*descriptor_);
  if (open_state_ != nullptr && open_state_->backing_id != 0) core_.backing->unregister(open_state_->backing_id);
  release(std::move(location_.parent));
}

Result<Ref<HostNode>> HostNode::rooted(HostCore& core, Fd fd, Ref<HostNode> parent, std::string_view name) {
  const Result<FileStatus> status = status_of(fd.get());
  if (!status) return fail(status.error());
  if (!S_ISDIR(status->stx_mode)) return fail(Errno::not_directory);
  const Mount& mount = core.mounts.of(*status, fd.get(), nullptr);
  Ref<HostNode> node = core.nodes.insert(
      make<HostNode>(core, mount, *status, generation_of(*status, fd.get(), ""), std::move(parent), name));
  // Not counted by the cache, which therefore never takes it back.
  node->descriptor_ = std::make_shared<Descriptor>(std::move(fd), false);
  return node;
}

std::uint64_t HostNode::shown_inode() const { return core_.numbers.shown(mount_.device_index, inode_); }

std::uint64_t HostNode::shown_parent_inode() const {
  const Ref<HostNode> above = parent();
  return above != nullptr ? above->shown_inode() : shown_inode();
}

HostNode::Location HostNode::location() const {
  const std::lock_guard lock(mutex_);
  return location_;
}

Ref<HostNode> HostNode::parent() const {
  const std::lock_guard lock(mutex_);
  return location_.parent;
}

void HostNode::located(const Ref<Node>& parent, std::string_view name) {
  {
    const std::lock_guard lock(mutex_);
    if (location_.parent.get() == parent.get() && location_.name == name) return;
  }
  if (const auto directory = std::dynamic_pointer_cast<HostNode>(parent)) place(directory, name);
}

void HostNode::place(const Ref<HostNode>& parent, std::string_view name) {
  std::unique_lock one_move(core_.moving_directories, std::defer_lock);
  {
    const std::lock_guard lock(mutex_);
    if (location_.parent == parent && location_.name == name) return;
  }
  if (S_ISDIR(type_)) {
    // Directories that were moved outside may be found below what was once their own subtree, before the move is seen.
    // Such a place is not kept: places must not form a circle.
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

bool HostNode::is_at_or_above(Ref<HostNode> node) const {
  while (node != nullptr && node.get() != this) node = node->parent();
  return node != nullptr;
}

Result<Lease> HostNode::acquire(Need need) {
  const bool readable = need == Need::data;
  {
    const std::lock_guard lock(mutex_);
    if (descriptor_ != nullptr && (!readable || descriptor_->readable)) {
      descriptor_->recently_used.store(true, std::memory_order_relaxed);
      return descriptor_;
    }
  }
  if (readable && !S_ISREG(type_)) return fail(Errno::invalid);
  Result<Fd> fd = open_again(readable ? kDataFlags : kPlaceFlags);
  // Somebody outside has a lease on the file (fcntl(2), F_SETLEASE): wait until it is broken, as any open does.
  if (!fd && fd.error() == Errno::again) fd = open_again(kDataFlags & ~O_NONBLOCK);
  if (!fd) return fail(fd.error());
  return keep(*std::move(fd), readable);
}

Result<Lease> HostNode::keep(Fd fd, bool readable) {
  Lease fresh = std::make_shared<Descriptor>(std::move(fd), readable);
  Lease old;
  {
    const std::lock_guard lock(mutex_);
    if (descriptor_ != nullptr && (descriptor_->readable || !readable)) return descriptor_;
    old = std::exchange(descriptor_, fresh);
  }
  if (old != nullptr) core_.descriptors.forget(*old);
  core_.descriptors.hold(weak_from_this(), fresh);
  return fresh;
}

bool HostNode::surrender(const Descriptor& descriptor) {
  Lease given;  // closes behind the lock
  const std::lock_guard lock(mutex_);
  if (descriptor_.get() != &descriptor) return true;
  const Result<FileStatus> status = status_of(descriptor.fd.get());
  if (!status || status->stx_nlink == 0) return false;
  if (!handle_ && mount_.anchor) {
    if (Result<FileHandle> handle = FileHandle::of(descriptor.fd.get())) handle_ = *std::move(handle);
  }
  if (!handle_ && location_.parent == nullptr) return false;
  given = std::move(descriptor_);
  return true;
}

bool HostNode::opens_alone() const {
  const std::lock_guard lock(mutex_);
  return descriptor_ != nullptr || handle_;
}

Result<Fd> HostNode::open_again(int flags) {
  Lease current;
  bool has_handle = false;
  {
    const std::lock_guard lock(mutex_);
    current = descriptor_;
    has_handle = static_cast<bool>(handle_);  // and then it stays as it is
  }
  if (current != nullptr) return core_.reopen(current->fd.get(), flags & ~O_NOFOLLOW);
  if (!has_handle) return open_by_location(flags);
  Result<Fd> fd = handle_.open(mount_.anchor.get(), flags);
  if (!fd && (fd.error() == Errno{EMFILE} || fd.error() == Errno{ENFILE})) {
    core_.descriptors.shrink();
    fd = handle_.open(mount_.anchor.get(), flags);
  }
  return checked(std::move(fd));
}

Result<Fd> HostNode::open_by_location(int flags) {
  const Location here = location();
  if (here.parent == nullptr) return fail(Errno::stale);
  // From the first ancestor that can be opened by itself downwards; not by recursion, as the tree may be deep.
  std::vector<Ref<HostNode>> closed;
  for (Ref<HostNode> node = here.parent; node != nullptr && !node->opens_alone(); node = node->parent()) {
    closed.push_back(node);
  }
  Lease kept;
  for (auto node = closed.rbegin(); node != closed.rend(); ++node) {
    Result<Lease> opened = (*node)->acquire(Need::place);
    if (!opened) return fail(opened.error());
    kept = *std::move(opened);
  }
  const Result<Lease> directory = here.parent->acquire(Need::place);
  if (!directory) return fail(directory.error());
  Result<Fd> fd = checked(core_.open((*directory)->fd.get(), here.name.c_str(), flags));
  if (!fd && means_elsewhere(fd.error())) return fail(Errno::stale);
  return fd;
}

Result<Fd> HostNode::checked(Result<Fd> opened) const {
  if (!opened) return opened;
  const Result<FileStatus> status = status_of(opened->get());
  if (!status) return fail(status.error());
  if (!is_same(*status, opened->get(), "")) return fail(Errno::stale);
  return opened;
}

bool HostNode::is_same(const FileStatus& status, int directory, const char* name) const {
  return status.stx_ino == inode_ && mount_key(status) == mount_.key &&
         generation_of(status, directory, name) == generation_;
}

Result<FileStatus> HostNode::status() {
  Lease current;
  Location here;
  {
    const std::lock_guard lock(mutex_);
    current = descriptor_;
    if (current == nullptr) here = location_;
  }
  if (current != nullptr) return status_of(current->fd.get());
  // Where the name still leads here, no descriptor need be opened.
  if (here.parent != nullptr) {
    if (const Result<Lease> directory = here.parent->acquire(Need::place)) {
      const int fd = (*directory)->fd.get();
      Result<FileStatus> status = status_of(fd, here.name.c_str());
      if (status && is_same(*status, fd, here.name.c_str())) return status;
    }
  }
  const Result<Lease> own = acquire(Need::place);
  if (!own) return fail(own.error());
  return status_of((*own)->fd.get());
}

Attr HostNode::attr(const FileStatus& status) const {
  Attr shown = to_attr(status, shown_inode(), attr_validity(status));
  if (core_.users == KnownUsers::some && S_ISDIR(type_)) {
    const mode_t for_group = (status.stx_mode & (S_IRGRP | S_IXGRP)) >> 3;
    const bool for_its_group = (for_group & ~status.stx_mode) != 0;
    misleads_.store(for_its_group && shown.gid == core_.own_ids->foreign.gid, std::memory_order_relaxed);
  }
  if (core_.own_ids) core_.own_ids->replace_foreign(shown);
  return shown;
}

}  // namespace fusebox
