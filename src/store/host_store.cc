#include "store/host_store.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <utility>

#include "store/host_core.h"
#include "store/host_node.h"

namespace fusebox {
namespace {

constexpr unsigned kOpenTreeClone = 1;  // OPEN_TREE_CLONE of linux/mount.h, which does not go with sys/mount.h

Fault fault(std::string what, Errno error, std::string remedy = {}) {
  errno = static_cast<int>(error);
  return fault_with_errno(std::move(what), std::move(remedy));
}

// A directory that is also in the tree at its own place must be another mount here, or the kernel would see one
// directory in two places, which it forbids.  Without the right to mount it stays as it is.
Fd as_own_mount(Fd directory) {
  const long fd = ::syscall(SYS_open_tree, directory.get(), "", AT_EMPTY_PATH | kOpenTreeClone | O_CLOEXEC);
  return fd >= 0 ? Fd(static_cast<int>(fd)) : std::move(directory);
}

Result<Ref<HostNode>> walk(Ref<HostNode> node, std::string_view path) {
  while (!path.empty()) {
    const std::size_t end = path.find('/');
    const std::string component(path.substr(0, end));
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    if (component.empty()) continue;
    const Result<Name> name = Name::parse(component);
    if (!name) return fail(name.error());
    Result<Entry> entry = node->find(*name);
    if (!entry) return fail(entry.error());
    if (entry->node == nullptr) return fail(Errno::no_entry);
    node = std::static_pointer_cast<HostNode>(entry->node);
    if (!entry->attr.is_directory()) return fail(Errno::not_directory);
  }
  return node;
}

Outcome<> add_graft(HostCore& core, const Ref<HostNode>& root, Graft graft) {
  std::string_view path = graft.path;
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::string what = "show a directory at " + graft.path;
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return std::unexpected(fault(what, Errno::invalid, "give an absolute path"));
  const std::string_view name = path.substr(slash + 1);
  const Result<Ref<HostNode>> parent = walk(root, path.substr(0, slash));
  if (!parent) return std::unexpected(fault(what, parent.error()));
  const Result<Ref<HostNode>> covered = walk(*parent, name);
  if (!covered) return std::unexpected(fault(what, covered.error(), "create the directory"));
  Result<Ref<HostNode>> shown = HostNode::rooted(core, as_own_mount(std::move(graft.directory)), *parent, name);
  if (!shown) return std::unexpected(fault(what, shown.error()));
  (*parent)->has_grafts = true;
  core.grafts.push_back({(*parent)->known_identity(), std::string(name), *std::move(shown)});
  return {};
}

}  // namespace

OwnIds::OwnIds() : uid(::geteuid()), gid(::getegid()), foreign(overflow_ids()) {}

void OwnIds::replace_foreign(Attr& shown) const {
  if (shown.uid == foreign.uid) shown.uid = uid;
  if (shown.gid == foreign.gid) shown.gid = gid;
}

HostCore::HostCore(HostStoreOptions given, Fd proc, Fd own_fds, Fd mountinfo)
    : entry_validity(given.entry_validity),
      attr_validity(given.attr_validity),
      negative_validity(given.negative_validity),
      backing(given.backing),
      outside(given.outside_objects),
      device_nodes(given.device_nodes),
      users(given.users),
      own_ids(users != KnownUsers::all ? std::optional<OwnIds>(std::in_place) : std::nullopt),
      may_pass_through(given.backing != nullptr),
      groups(std::move(proc), users == KnownUsers::some ? OwnGroups::kept : OwnGroups::expendable),
      proc_fds(std::move(own_fds)),
      shared_numbers(given.numbers ? std::move(given.numbers) : std::make_shared<InodeNumbers>()),
      mount_points(std::move(mountinfo)),
      descriptors(given.max_descriptors) {}

Result<Fd> HostCore::open(int directory, const char* name, int flags, mode_t mode) {
  int fd = ::openat(directory, name, flags | O_CLOEXEC, mode);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
    descriptors.shrink();
    fd = ::openat(directory, name, flags | O_CLOEXEC, mode);
  }
  if (fd < 0) return fail_with_errno();
  return Fd(fd);
}

Result<Fd> HostCore::reopen(int fd, int flags) { return open(proc_fds.get(), DescriptorName(fd).c_str(), flags); }

DescriptorName::DescriptorName(int fd) { std::snprintf(text_, sizeof text_, "%d", fd); }

Outcome<std::unique_ptr<HostStore>> HostStore::create(Fd root, HostStoreOptions options) {
  Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return std::unexpected(fault_with_errno("open /proc", "mount proc there"));
  Fd own_fds(::openat(proc.get(), "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  Fd mountinfo(::openat(proc.get(), "self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!own_fds || !mountinfo) return std::unexpected(fault_with_errno("open /proc/self", "mount proc on /proc"));

  std::vector<Graft> grafts = std::move(options.grafts);
  std::unique_ptr<HostStore> store(new HostStore);
  store->core_ =
      std::make_unique<HostCore>(std::move(options), std::move(proc), std::move(own_fds), std::move(mountinfo));
  Result<Ref<HostNode>> node = HostNode::rooted(*store->core_, std::move(root), nullptr, {});
  if (!node) return std::unexpected(fault("mirror a directory", node.error()));
  for (Graft& graft : grafts) {
    if (auto added = add_graft(*store->core_, *node, std::move(graft)); !added) return std::unexpected(added.error());
  }
  store->root_ = *std::move(node);
  return store;
}

HostStore::~HostStore() {
  root_.reset();
  if (core_ != nullptr) core_->grafts.clear();
}

HostStoreStats HostStore::stats() const { return {core_->descriptors.held(), core_->nodes.size()}; }

}  // namespace fusebox
