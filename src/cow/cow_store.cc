#include "cow/cow_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "cow/cow_core.h"
#include "cow/cow_node.h"
#include "cow/file_copy.h"

namespace fusebox {
namespace {

constexpr mode_t kPrivate = 0700;

Fault fault(std::string what, Errno error, std::string remedy = {}) {
  errno = static_cast<int>(error);
  return fault_with_errno(std::move(what), std::move(remedy));
}

Outcome<Fd> make_directory(int parent, const char* name, mode_t mode) {
  if (::mkdirat(parent, name, mode) != 0 && errno != EEXIST) {
    return std::unexpected(fault_with_errno("make the box's directory " + std::string(name)));
  }
  Fd directory(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return std::unexpected(fault_with_errno("open the box's directory " + std::string(name)));
  return directory;
}

// What a killed run left behind.
void empty(const Fd& directory) {
  std::error_code ignored;
  const std::filesystem::path path = "/proc/self/fd/" + std::to_string(directory.get());
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored)) {
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

Outcome<Ref<HostNode>> child_of(const Ref<Node>& directory, const char* name) {
  const Result<Entry> entry = std::static_pointer_cast<HostNode>(directory)->find(*Name::parse(name));
  if (!entry) return std::unexpected(fault("look at the box's directory " + std::string(name), entry.error()));
  if (entry->node == nullptr) return std::unexpected(fault(name, Errno::no_entry));
  return std::static_pointer_cast<HostNode>(entry->node);
}

// A new upper directory gets the attributes of what it covers.
Outcome<> begin(const OverlayFormat& format, HostNode& upper, HostNode& lower) {
  const Result<Lease> above = upper.acquire(HostNode::Need::place);
  const Result<Lease> below = lower.acquire(HostNode::Need::place);
  const Result<FileStatus> status = lower.status();
  if (!above || !below || !status) return std::unexpected(fault("open the root directories", Errno::io));
  const XattrTarget target(upper.core(), **above);
  if (format.origin(target)) return {};
  Result<> done = copy_attributes(XattrTarget(lower.core(), **below), *status, target, format);
  const Identity identity = lower.known_identity();
  if (done) {
    done = format.set_origin(
        target, {.device = identity.device & 0xFFFFFFFF, .inode = identity.inode, .generation = identity.generation});
  }
  if (!done) return std::unexpected(fault("begin the upper directory", done.error()));
  return {};
}

}  // namespace

Outcome<> CowCore::open_upper(Fd box) {
  auto top = make_directory(box.get(), "upper", 0755);
  if (!top) return std::unexpected(top.error());
  auto work = make_directory(box.get(), "work", kPrivate);
  if (!work) return std::unexpected(work.error());
  const auto leftovers = make_directory(work->get(), "scratch", kPrivate);
  if (!leftovers) return std::unexpected(leftovers.error());
  if (const auto links = make_directory(work->get(), "index", kPrivate); !links) return std::unexpected(links.error());
  empty(*leftovers);
  Result<OverlayFormat> marks = OverlayFormat::that_works_on(top->get());
  if (!marks) {
    return std::unexpected(fault("keep changes in the box's directory", marks.error(),
                                 "its file system must keep extended attributes: ext4, xfs, btrfs, tmpfs"));
  }
  format = *std::move(marks);
  auto store = HostStore::create(std::move(box), std::move(above));
  if (!store) return std::unexpected(store.error());
  const auto upper_top = child_of((*store)->root(), "upper");
  const auto upper_work = child_of((*store)->root(), "work");
  if (!upper_top || !upper_work) return std::unexpected(upper_top ? upper_work.error() : upper_top.error());
  const auto found_scratch = child_of(*upper_work, "scratch");
  const auto found_index = child_of(*upper_work, "index");
  if (!found_scratch || !found_index)
    return std::unexpected(found_scratch ? found_index.error() : found_scratch.error());
  if (const Outcome<> begun = begin(format, **upper_top, *root->lower()); !begun) return begun;
  upper = *std::move(store);
  upper_root = *upper_top;
  scratch = *found_scratch;
  index = *found_index;
  is_open.store(true, std::memory_order_release);
  root->opened(upper_root);
  return {};
}

Result<> CowCore::need_upper() {
  if (has_upper()) return {};
  const std::lock_guard one(opening);
  if (has_upper()) return {};
  if (has_failed) return fail(Errno::access);
  Outcome<Fd> box = open_changes();
  if (!box) return fail(Errno::access);
  has_failed = !open_upper(*std::move(box));
  return has_failed ? Result<>(fail(Errno::access)) : Result<>();
}

Outcome<std::unique_ptr<CowStore>> CowStore::create(Fd root, OpenChanges open, HostStoreOptions options) {
  options.numbers = std::make_shared<InodeNumbers>();
  HostStoreOptions above{.entry_validity = options.entry_validity,
                         .attr_validity = options.attr_validity,
                         .negative_validity = options.negative_validity,
                         .max_descriptors = options.max_descriptors,
                         .backing = options.backing,
                         .device_nodes = options.device_nodes,
                         .users = options.users,
                         .outside_objects = nullptr,
                         .grafts = {},
                         .numbers = options.numbers};
  if (options.device_nodes == DeviceNodes::made) options.device_nodes = DeviceNodes::in_grafts;
  auto lower = HostStore::create(std::move(root), std::move(options));
  if (!lower) return std::unexpected(lower.error());
  std::unique_ptr<CowStore> store(new CowStore);
  store->core_ = std::make_unique<CowCore>(*std::move(lower));
  CowCore& core = *store->core_;
  core.above = std::move(above);
  core.open_changes = std::move(open);
  CowChild top;
  top.lower = std::static_pointer_cast<HostNode>(core.lower->root());
  const Result<Attr> attr = top.lower->getattr({}, nullptr).run();
  if (!attr) return std::unexpected(fault("look at the root directory", attr.error()));
  top.attr = *attr;
  const auto merged = CowNode::make_known(core, top, 0);
  core.root = merged.get();
  store->root_ = merged;
  return store;
}

Outcome<std::unique_ptr<CowStore>> CowStore::create(Fd root, Fd box, HostStoreOptions options) {
  auto store = create(std::move(root), OpenChanges(), std::move(options));
  if (!store) return store;
  if (const Outcome<> opened = (*store)->core_->open_upper(std::move(box)); !opened) {
    return std::unexpected(opened.error());
  }
  return store;
}

CowStore::~CowStore() {
  root_.reset();
  if (core_ == nullptr) return;
  core_->upper_root.reset();
  core_->scratch.reset();
  core_->index.reset();
}

HostStoreStats CowStore::stats() const {
  const HostStoreStats below = core_->lower->stats();
  if (!core_->has_upper()) return below;
  const HostStoreStats above = core_->upper->stats();
  return {.descriptors = below.descriptors + above.descriptors, .nodes = below.nodes + above.nodes};
}

const std::string& CowStore::xattr_prefix() const { return core_->format.word(); }

}  // namespace fusebox
