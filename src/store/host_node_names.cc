// Operations on the names in a directory.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "store/host_core.h"
#include "store/host_node.h"

namespace fusebox {
namespace {

constexpr mode_t kPermissions = 07777;

Result<> outcome_of(int returned) {
  if (returned != 0) return fail_with_errno();
  return {};
}

}  // namespace

const HostNode* HostNode::graft_at(std::string_view name) const {
  if (!has_grafts) return nullptr;
  const auto found = std::ranges::find_if(
      core_.grafts, [&](const GraftPoint& graft) { return graft.parent == known_identity() && graft.name == name; });
  return found != core_.grafts.end() ? found->root.get() : nullptr;
}

Result<Entry> HostNode::find(Name name) {
  if (const HostNode* graft = graft_at(name.text())) {
    const Ref<HostNode> node = std::const_pointer_cast<HostNode>(graft->shared_from_this());
    const Result<FileStatus> status = node->status();
    if (!status) return fail(status.error());
    return Entry{.node = node, .attr = node->attr(*status), .valid_for = core_.entry_validity};
  }
  const Result<Lease> directory = acquire(Need::place);
  if (!directory) return fail(directory.error());
  const int fd = (*directory)->fd.get();
  const Result<FileStatus> status = status_of(fd, name.c_str());
  if (status) return entry(*status, fd, name.c_str());
  const bool is_remembered = core_.negative_validity > Validity::zero() && !misleads_.load(std::memory_order_relaxed);
  if (status.error() != Errno::no_entry || !is_remembered) return fail(status.error());
  return Entry{.node = nullptr, .attr = {}, .valid_for = core_.negative_validity};
}

Result<Entry> HostNode::entry(const FileStatus& status, int directory, const char* name) {
  const Mount& mount = mount_key(status) == mount_.key ? mount_ : core_.mounts.of(status, directory, name);
  const std::uint64_t generation = generation_of(status, directory, name);
  const Ref<HostNode> self = shared_from_this();
  Ref<HostNode> node = core_.nodes.find({mount.key, status.stx_ino, generation});
  if (node == nullptr) node = core_.nodes.insert(make<HostNode>(core_, mount, status, generation, self, name));
  node->place(self, name);
  // What may be shown as the object that it is, is asked for at each walk, so that we see it removed.
  const bool may_be_shown = (S_ISFIFO(status.stx_mode) || S_ISSOCK(status.stx_mode)) && outside_watch() != nullptr;
  const bool is_asked_for = may_be_shown || misleads_.load(std::memory_order_relaxed);
  Validity valid_for = is_asked_for ? Validity::zero() : core_.entry_validity;
  const Attr shown = node->attr(status);
  // Where the kernel does not ask for a directory's attributes before it walks through, it has to ask for its name.
  if (core_.has_one_user() && S_ISDIR(status.stx_mode)) valid_for = std::min(valid_for, shown.valid_for);
  return Entry{.node = std::move(node), .attr = shown, .valid_for = valid_for};
}

Result<Entry> HostNode::entry_of_new(int directory, const char* name) {
  const Result<FileStatus> status = status_of(directory, name);
  if (!status) return fail(status.error());
  return entry(*status, directory, name);
}

void HostNode::keep_reachable(int directory, const char* name) {
  Result<Fd> fd = core_.open(directory, name, O_PATH | O_NOFOLLOW);
  if (!fd) return;
  const Result<FileStatus> status = status_of(fd->get());
  if (!status) return;
  const Identity identity{mount_key(*status), status->stx_ino, generation_of(*status, fd->get(), "")};
  if (const Ref<HostNode> node = core_.nodes.find(identity)) (void)node->keep(*std::move(fd), false);
}

Result<> HostNode::check_if_misleading(const Request& request, int mask) {
  return misleads_.load(std::memory_order_relaxed) ? check_access(request, mask) : Result<>();
}

Task<Entry> HostNode::lookup(const Request& request, Name name) {
  co_await check_if_misleading(request, X_OK);
  if (has_to_withdraw(request, name.text())) co_await withdraw_outside_object(std::string(name.text()));
  Entry found = co_await find(name);
  if (!core_.has_one_user() || core_.outside == nullptr || found.node == nullptr) co_return found;
  if (found.attr.is_directory()) co_return co_await show_before_entering(request, std::move(found));
  if (S_ISFIFO(found.attr.mode) || S_ISSOCK(found.attr.mode)) {
    co_return co_await show_before_meeting(request, std::string(name.text()), std::move(found));
  }
  co_return found;
}

bool HostNode::may_make_devices() const {
  if (core_.device_nodes != DeviceNodes::in_grafts) return core_.device_nodes == DeviceNodes::made;
  // Without the right to mount, a graft may be a part of the very mount that it is shown in.
  return std::ranges::any_of(core_.grafts, [&](const GraftPoint& graft) {
    return graft.root->mount().key == mount_.key && graft.parent.device != mount_.key;
  });
}

Result<Entry> HostNode::make_special(const Request& request, Name name, NewMode mode, mode_t type, dev_t device) {
  const Result<Lease> directory = acquire(Need::place);
  if (!directory) return fail(directory.error());
  const int fd = (*directory)->fd.get();
  const mode_t permissions = mode.mode & kPermissions;
  const Result<> made = as_caller(core_.groups, request.caller, mode.umask, [&] {
    return outcome_of(type == S_IFDIR ? ::mkdirat(fd, name.c_str(), permissions)
                                      : ::mknodat(fd, name.c_str(), type | permissions, device));
  });
  if (!made) return fail(made.error());
  return entry_of_new(fd, name.c_str());
}

Task<Entry> HostNode::mkdir(const Request& request, Name name, NewMode mode) {
  Result<Entry> made = make_special(request, name, mode, S_IFDIR);
  if (made) static_cast<const HostNode&>(*made->node).begin_empty(made->attr);
  co_return made;
}

Task<Entry> HostNode::mknod(const Request& request, Name name, NewMode mode, dev_t device) {
  const mode_t type = (mode.mode & S_IFMT) != 0 ? mode.mode & S_IFMT : S_IFREG;
  if ((S_ISBLK(type) || S_ISCHR(type)) && !may_make_devices()) co_return Errno::not_permitted;
  if (!S_ISFIFO(type) && !S_ISSOCK(type)) co_return make_special(request, name, mode, type, device);
  co_return core_.made_inside.make([&] { return make_special(request, name, mode, type, 0); });
}

Task<Entry> HostNode::symlink(const Request& request, Name name, std::string target) {
  const Lease directory = co_await acquire(Need::place);
  co_await as_caller(core_.groups, request.caller,
                     [&] { return outcome_of(::symlinkat(target.c_str(), directory->fd.get(), name.c_str())); });
  co_return entry_of_new(directory->fd.get(), name.c_str());
}

Task<Entry> HostNode::link(const Request& request, Ref<Node> existing, Name name) {
  const auto source = std::dynamic_pointer_cast<HostNode>(existing);
  if (source == nullptr) co_return Errno::cross_device;
  const Lease from = co_await source->acquire(Need::place);
  const Lease directory = co_await acquire(Need::place);
  co_await as_caller(core_.groups, request.caller, [&] {
    // Through /proc because AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH, which the caller may lack.
    return outcome_of(::linkat(core_.proc_fds.get(), DescriptorName(from->fd.get()).c_str(), directory->fd.get(),
                               name.c_str(), AT_SYMLINK_FOLLOW));
  });
  co_return entry_of_new(directory->fd.get(), name.c_str());
}

Result<> HostNode::remove(const Request& request, Name name, int flags) {
  if (graft_at(name.text()) != nullptr) return fail(Errno{EBUSY});
  const Result<Lease> directory = acquire(Need::place);
  if (!directory) return fail(directory.error());
  const int fd = (*directory)->fd.get();
  keep_reachable(fd, name.c_str());
  return as_caller(core_.groups, request.caller, [&] { return outcome_of(::unlinkat(fd, name.c_str(), flags)); });
}

Task<> HostNode::unlink(const Request& request, Name name) { co_return remove(request, name, 0); }
Task<> HostNode::rmdir(const Request& request, Name name) { co_return remove(request, name, AT_REMOVEDIR); }

Task<> HostNode::rename(const Request& request, Name from, Ref<Node> to_directory, Name to, unsigned flags) {
  const auto target = std::dynamic_pointer_cast<HostNode>(to_directory);
  if (target == nullptr) co_return Errno::cross_device;
  // RENAME_WHITEOUT makes a device.
  if ((flags & ~unsigned{RENAME_NOREPLACE | RENAME_EXCHANGE}) != 0) co_return Errno::invalid;
  if (graft_at(from.text()) != nullptr || target->graft_at(to.text()) != nullptr) co_return Errno{EBUSY};
  const Lease old_directory = co_await acquire(Need::place);
  const Lease new_directory = co_await target->acquire(Need::place);
  if (flags == 0) target->keep_reachable(new_directory->fd.get(), to.c_str());
  co_return as_caller(core_.groups, request.caller, [&] {
    return outcome_of(::renameat2(old_directory->fd.get(), from.c_str(), new_directory->fd.get(), to.c_str(), flags));
  });
}

}  // namespace fusebox
