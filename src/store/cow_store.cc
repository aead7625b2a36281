#include "store/cow_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "store/cow_core.h"
#include "store/cow_node.h"
#include "store/file_copy.h"

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
Outcome<> begin(CowCore& core, HostNode& lower) {
  const Result<Lease> above = core.upper_root->acquire(HostNode::Need::place);
  const Result<Lease> below = lower.acquire(HostNode::Need::place);
  const Result<FileStatus> status = lower.status();
  if (!above || !below || !status) return std::unexpected(fault("open the root directories", Errno::io));
  const XattrTarget target(core.upper_root->core(), **above);
  if (core.format.origin(target)) return {};
  Result<> done = copy_attributes(XattrTarget(lower.core(), **below), *status, target, core.format);
  const Identity identity = lower.known_identity();
  if (done) {
    done = core.format.set_origin(
        target, {.device = identity.device & 0xFFFFFFFF, .inode = identity.inode, .generation = identity.generation});
  }
  if (!done) return std::unexpected(fault("begin the upper directory", done.error()));
  return {};
}

}  // namespace

Outcome<std::unique_ptr<CowStore>> CowStore::create(Fd root, Fd box, HostStoreOptions options) {
  auto upper = make_directory(box.get(), "upper", 0755);
  if (!upper) return std::unexpected(upper.error());
  auto work = make_directory(box.get(), "work", kPrivate);
  if (!work) return std::unexpected(work.error());
  const auto scratch = make_directory(work->get(), "scratch", kPrivate);
  if (!scratch) return std::unexpected(scratch.error());
  if (const auto index = make_directory(work->get(), "index", kPrivate); !index) return std::unexpected(index.error());
  empty(*scratch);
  Result<OverlayFormat> format = OverlayFormat::that_works_on(upper->get());
  if (!format) {
    return std::unexpected(fault("keep changes in the box's directory", format.error(),
                                 "its file system must keep extended attributes: ext4, xfs, btrfs, tmpfs"));
  }

  options.numbers = std::make_shared<InodeNumbers>();
  HostStoreOptions above{.entry_validity = options.entry_validity,
                         .attr_validity = options.attr_validity,
                         .negative_validity = options.negative_validity,
                         .max_descriptors = options.max_descriptors,
                         .backing = options.backing,
                         .makes_devices = options.makes_devices,
                         .one_user = options.one_user,
                         .outside_objects = nullptr,
                         .grafts = {},
                         .numbers = options.numbers};
  return merge(std::move(root), std::move(box), std::move(options), std::move(above), *std::move(format));
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
  const HostStoreStats above = core_->upper->stats();
  return {.descriptors = below.descriptors + above.descriptors, .nodes = below.nodes + above.nodes};
}

const std::string& CowStore::xattr_prefix() const { return core_->format.word(); }

Outcome<std::unique_ptr<CowStore>> CowStore::merge(Fd root, Fd box, HostStoreOptions options, HostStoreOptions above,
                                                   OverlayFormat format) {
  auto lower = HostStore::create(std::move(root), std::move(options));
  if (!lower) return std::unexpected(lower.error());
  auto upper = HostStore::create(std::move(box), std::move(above));
  if (!upper) return std::unexpected(upper.error());
  std::unique_ptr<CowStore> store(new CowStore);
  store->core_ = std::make_unique<CowCore>(*std::move(lower), *std::move(upper), std::move(format));
  CowCore& core = *store->core_;
  auto top = child_of(core.upper->root(), "upper");
  auto work = child_of(core.upper->root(), "work");
  if (!top || !work) return std::unexpected(top ? work.error() : top.error());
  auto scratch = child_of(*work, "scratch");
  auto index = child_of(*work, "index");
  if (!scratch || !index) return std::unexpected(scratch ? index.error() : scratch.error());
  core.upper_root = *std::move(top);
  core.scratch = *std::move(scratch);
  core.index = *std::move(index);
  const auto below = std::static_pointer_cast<HostNode>(core.lower->root());
  if (const Outcome<> begun = begin(core, *below); !begun) return std::unexpected(begun.error());
  const Result<Attr> attr = core.upper_root->getattr({}, nullptr).run();
  if (!attr) return std::unexpected(fault("look at the upper directory", attr.error()));
  CowChild root_of_both;
  root_of_both.upper = core.upper_root;
  root_of_both.lower = below;
  root_of_both.attr = *attr;
  store->root_ = make<CowNode>(core, root_of_both, 0);
  return store;
}

}  // namespace fusebox
