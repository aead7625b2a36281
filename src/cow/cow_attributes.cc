// Opening, attributes, extended attributes, symlink targets of the merged tree.
#include <fcntl.h>
#include <linux/limits.h>
#include <unistd.h>

#include <cstring>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "cow/cow_directory.h"
#include "cow/cow_file.h"
#include "cow/cow_node.h"

namespace fusebox {
namespace {

bool writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0; }

Ref<Handle> unwrapped(const Ref<Handle>& open) {
  const auto* file = dynamic_cast<const CowFile*>(open.get());
  return file != nullptr ? file->inner() : nullptr;
}

}  // namespace

Task<Attr> CowNode::getattr(const Request& request, Ref<Handle> open) {
  const Ref<HostNode> file = current();
  const Attr attr = co_await file->getattr(request, unwrapped(open));
  const std::shared_lock lock(core_.names);
  co_return shown(attr);
}

Result<> CowNode::may(const Request& request, int mask) const {
  const Ref<HostNode> below = lower();
  if (below == nullptr || !below->core().own_ids) return {};
  return below->access(request, mask).run();
}

// What changes mode, owner or times to a given moment is the owner's right (chmod(2), utimensat(2)).
Result<> CowNode::may_change(const Request& request, const SetAttr& change) const {
  const Ref<HostNode> below = lower();
  if (below == nullptr || !below->core().own_ids) return {};
  const bool sets_moment = (change.atime && !change.atime->now) || (change.mtime && !change.mtime->now);
  if (change.mode || change.uid || change.gid || sets_moment) {
    const Result<FileStatus> status = below->status();
    if (!status) return fail(status.error());
    const OwnIds& ids = *below->core().own_ids;
    const uid_t owner = status->stx_uid;
    const bool is_owners = request.caller.uid == owner || (request.caller.uid == ids.uid && owner != ids.foreign.uid);
    return is_owners ? Result<>() : Result<>(fail(Errno::not_permitted));
  }
  return may(request, W_OK);
}

Task<Attr> CowNode::setattr(const Request& request, SetAttr change, Ref<Handle> open) {
  co_await may_change(request, change);
  co_await copy_up();
  const Ref<HostNode> file = upper();
  const Attr attr = co_await file->setattr(request, change, unwrapped(open));
  const std::shared_lock lock(core_.names);
  co_return shown(attr);
}

Task<Entry> CowNode::lookup(const Request& request, Name name) {
  const Ref<HostNode> below = lower();
  if (below != nullptr) co_await below->check_if_misleading(request, X_OK);
  // Objects of outside are the lower directory's affair.
  if (below != nullptr && below->core().outside != nullptr) {
    if (below->core().has_one_user()) {
      const Result<Entry> seen = co_await attempt(below->lookup(request, name));
      if (!seen && seen.error() == Errno::stale) co_return Errno::stale;
    } else if (below->has_to_withdraw(request, name.text())) {
      co_await below->withdraw_outside_object(std::string(name.text()));
    }
  }
  co_return find(name);
}

Task<std::string> CowNode::readlink(const Request& request) {
  const Ref<HostNode> file = current();
  co_return co_await file->readlink(request);
}

Task<> CowNode::access(const Request& request, int mask) {
  const Ref<HostNode> file = current();
  co_return co_await attempt(file->access(request, mask));
}

Task<Opened> CowNode::open(const Request& request, int flags) {
  if (writes(flags)) {
    co_await may(request, (flags & O_ACCMODE) == O_RDWR ? R_OK | W_OK : W_OK);
    co_await copy_up();
  }
  co_return open_now(request, flags);
}

Result<Opened> CowNode::open_now(const Request& request, int flags) {
  std::unique_lock lock(mutex_);
  if (upper_ != nullptr) {
    const Ref<HostNode> file = upper_;
    lock.unlock();
    Result<Opened> opened = file->open_for(request, flags, HostNode::Passing::allowed);
    if (opened) opened = wrap(*std::move(opened));
    return opened;
  }
  // Through the page cache, as long as another file may take the place of this one: the kernel cannot go on with
  // another backing file.
  Result<Opened> opened = lower_->open_for(request, flags, HostNode::Passing::never);
  if (!opened) return opened;
  const auto file = make<CowFile>(shared_from_this(), std::move(opened->handle), true);
  readers_.push_back(file.get());
  opened->handle = file;
  return opened;
}

Opened CowNode::wrap(Opened opened) {
  if (lock_node_ != nullptr && lock_node_->core().locks.holds(*lock_node_)) opened.wants_flush = true;
  opened.handle = make<CowFile>(shared_from_this(), std::move(opened.handle), false);
  return opened;
}

Task<Opened> CowNode::opendir(const Request& request) {
  if (const Ref<HostNode> below = lower()) co_await below->check_if_misleading(request, R_OK);
  const Ref<HostNode> directory = current();
  Opened opened = co_await directory->opendir(request);
  // The times of the upper directory do not tell of what changes in the lower one.
  if (upper() != nullptr && lower() != nullptr) opened.cache_directory = false;
  opened.handle = make<CowDirectory>(shared_from_this());
  co_return opened;
}

Task<std::size_t> CowNode::getxattr(const Request& request, const std::string& name, std::span<std::byte> into) {
  const Ref<HostNode> above = upper();
  const Ref<HostNode> file = current();
  if (above != nullptr && core_.format.is_reserved(name)) co_return Errno::no_data;
  const std::string stored = above != nullptr ? core_.format.stored(name) : name;
  co_return co_await file->getxattr(request, stored, into);
}

Task<> CowNode::setxattr(const Request& request, const std::string& name, std::span<const std::byte> value, int flags) {
  co_await core_.need_upper();  // which names are reserved depends on where it is
  if (core_.format.is_reserved(name)) co_return Errno::not_permitted;
  co_await may(request, W_OK);
  co_await copy_up();
  const Ref<HostNode> file = upper();
  const std::string stored = core_.format.stored(name);
  Result<> set = co_await attempt(file->setxattr(request, stored, value, flags));
  // File systems keep little for each file.  What is only good to know about it makes room.
  if (!set && set.error() == Errno{ENOSPC} && drop_marks()) {
    set = co_await attempt(file->setxattr(request, stored, value, flags));
  }
  co_return set;
}

bool CowNode::drop_marks() {
  bool is_indexed = false;  // then it needs one of them
  {
    const std::lock_guard lock(mutex_);
    is_indexed = more_links_.has_value();
  }
  const Ref<HostNode> file = upper();
  const Result<Lease> own = file->acquire(HostNode::Need::place);
  return own && core_.format.drop_origins(XattrTarget(file->core(), **own), is_indexed);
}

Task<std::size_t> CowNode::listxattr(const Request& request, std::span<std::byte> into) {
  const Ref<HostNode> above = upper();
  const Ref<HostNode> file = current();
  if (above == nullptr) co_return co_await file->listxattr(request, into);
  std::vector<std::byte> all(XATTR_LIST_MAX);
  const std::size_t length = co_await above->listxattr(request, all);
  std::string names;
  std::string_view rest(reinterpret_cast<const char*>(all.data()), length);
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find('\0'));
    if (const auto visible = core_.format.shown(name)) names.append(*visible).push_back('\0');
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  if (into.empty()) co_return names.size();
  if (names.size() > into.size()) co_return Errno::out_of_range;
  std::memcpy(into.data(), names.data(), names.size());
  co_return names.size();
}

Task<> CowNode::removexattr(const Request& request, const std::string& name) {
  co_await core_.need_upper();
  if (core_.format.is_reserved(name)) co_return Errno::no_data;
  co_await may(request, W_OK);
  co_await copy_up();
  const Ref<HostNode> file = upper();
  co_return co_await attempt(file->removexattr(request, core_.format.stored(name)));
}

// Of the file system that it counts as a part of.
Task<struct statvfs> CowNode::statfs(const Request& request) {
  Ref<HostNode> file = lower();
  for (Ref<CowNode> node = location().parent; file == nullptr && node != nullptr; node = node->location().parent) {
    file = node->lower();
  }
  if (file == nullptr) file = core_.upper_root;
  co_return co_await file->statfs(request);
}

}  // namespace fusebox
