#include "support/memory_tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace fusebox::testing {
namespace {

constexpr Errno kTooLarge{EFBIG};

timespec now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return time;
}

mode_t permissions_of(NewMode mode) { return mode.mode & 07777 & ~mode.umask; }

Result<std::size_t> copy_sized(std::span<const std::byte> value, std::span<std::byte> into) {
  if (into.empty()) return value.size();
  if (into.size() < value.size()) return fail(Errno::out_of_range);
  std::ranges::copy(value, into.begin());
  return value.size();
}

}  // namespace

MemoryNode::MemoryNode(std::shared_ptr<MemoryVolume> volume, mode_t mode) : volume_(std::move(volume)) {
  const std::lock_guard lock(volume_->mutex);
  inode_ = ++volume_->last_inode;
  attr_.ino = inode_;
  attr_.mode = mode;
  attr_.nlink = S_ISDIR(mode) ? 2 : 1;
  attr_.atime = attr_.mtime = attr_.ctime = now();
  attr_.valid_for = volume_->valid_for;
}

Attr MemoryNode::attr() const {
  Attr attr = attr_;
  attr.size = size();
  attr.blocks = (attr.size + 511) / 512;
  return attr;
}

Task<Attr> MemoryNode::getattr(const Request&, Ref<Handle>) {
  const std::lock_guard lock(volume_->mutex);
  co_return attr();
}

Task<Attr> MemoryNode::setattr(const Request&, SetAttr change, Ref<Handle>) {
  const std::lock_guard lock(volume_->mutex);
  if (change.size && *change.size > kLargestFile) co_return kTooLarge;
  const auto moment = [](const SetTime& time) { return time.now ? now() : time.moment; };
  if (change.mode) attr_.mode = (attr_.mode & S_IFMT) | *change.mode;
  if (change.uid) attr_.uid = *change.uid;
  if (change.gid) attr_.gid = *change.gid;
  if (change.size) resize(*change.size);
  if (change.atime) attr_.atime = moment(*change.atime);
  if (change.mtime) attr_.mtime = moment(*change.mtime);
  if (change.kill_suid_sgid) attr_.mode &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
  attr_.ctime = now();
  co_return attr();
}

Task<> MemoryNode::access(const Request&, int) { co_return {}; }

Task<std::size_t> MemoryNode::getxattr(const Request&, const std::string& name, std::span<std::byte> into) {
  const std::lock_guard lock(volume_->mutex);
  const auto found = xattrs_.find(name);
  if (found == xattrs_.end()) co_return Errno::no_data;
  co_return copy_sized(found->second, into);
}

Task<> MemoryNode::setxattr(const Request&, const std::string& name, std::span<const std::byte> value, int flags) {
  const std::lock_guard lock(volume_->mutex);
  const bool exists = xattrs_.contains(name);
  if (exists && (flags & XATTR_CREATE) != 0) co_return Errno::exists;
  if (!exists && (flags & XATTR_REPLACE) != 0) co_return Errno::no_data;
  xattrs_[name].assign(value.begin(), value.end());
  co_return {};
}

Task<std::size_t> MemoryNode::listxattr(const Request&, std::span<std::byte> into) {
  const std::lock_guard lock(volume_->mutex);
  std::string names;
  for (const auto& [name, value] : xattrs_) names.append(name.c_str(), name.size() + 1);
  co_return copy_sized(std::as_bytes(std::span(names)), into);
}

Task<> MemoryNode::removexattr(const Request&, const std::string& name) {
  const std::lock_guard lock(volume_->mutex);
  if (xattrs_.erase(name) == 0) co_return Errno::no_data;
  co_return {};
}

Task<struct statvfs> MemoryNode::statfs(const Request&) {
  const std::lock_guard lock(volume_->mutex);
  struct statvfs st{};
  st.f_bsize = st.f_frsize = 4096;
  st.f_blocks = 1000;
  st.f_bfree = st.f_bavail = 500;
  st.f_files = volume_->last_inode;
  st.f_namemax = 255;
  co_return st;
}

// An open file.
class MemoryFileHandle final : public Handle {
 public:
  explicit MemoryFileHandle(Ref<MemoryFile> file) : file_(std::move(file)) {}

  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override {
    const std::lock_guard lock(file_->volume_->mutex);
    const std::string& bytes = file_->bytes_;
    if (offset >= bytes.size()) co_return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(into.size(), bytes.size() - offset);
    std::memcpy(into.data(), bytes.data() + offset, count);
    co_return count;
  }

  Task<std::size_t> write(const Request&, std::uint64_t offset, std::span<const std::byte> data) override {
    co_return put(offset, data);
  }

  Task<> flush(const Request&, LockOwner) override { co_return {}; }
  Task<> fsync(const Request&, bool) override { co_return {}; }

  Task<> fallocate(const Request&, int mode, std::uint64_t offset, std::uint64_t length) override {
    if (mode != 0) co_return Errno::not_supported;
    if (offset > kLargestFile || length > kLargestFile - offset) co_return kTooLarge;
    const std::lock_guard lock(file_->volume_->mutex);
    if (offset + length > file_->bytes_.size()) file_->bytes_.resize(offset + length);
    co_return {};
  }

  Task<std::uint64_t> lseek(const Request&, std::uint64_t offset, int whence) override {
    const std::lock_guard lock(file_->volume_->mutex);
    if (offset >= file_->bytes_.size()) co_return Errno{ENXIO};
    co_return whence == SEEK_DATA ? offset : file_->bytes_.size();
  }

  Task<std::size_t> copy_file_range(const Request&, std::uint64_t offset, Ref<Handle> target,
                                    std::uint64_t target_offset, std::size_t length) override {
    const auto to = std::dynamic_pointer_cast<MemoryFileHandle>(target);
    if (!to || to->file_->volume_ != file_->volume_) co_return Errno::cross_device;
    std::string piece;
    {
      const std::lock_guard lock(file_->volume_->mutex);
      if (offset < file_->bytes_.size()) piece = file_->bytes_.substr(offset, length);
    }
    co_return to->put(target_offset, std::as_bytes(std::span(piece)));
  }

 private:
  Result<std::size_t> put(std::uint64_t offset, std::span<const std::byte> data) {
    if (offset > kLargestFile || data.size() > kLargestFile - offset) return fail(kTooLarge);
    const std::lock_guard lock(file_->volume_->mutex);
    std::string& bytes = file_->bytes_;
    if (offset + data.size() > bytes.size()) bytes.resize(offset + data.size());
    std::memcpy(bytes.data() + offset, data.data(), data.size());
    file_->attr_.mtime = file_->attr_.ctime = now();
    return data.size();
  }

  Ref<MemoryFile> file_;
};

MemoryFile::MemoryFile(std::shared_ptr<MemoryVolume> volume, mode_t permissions, std::string_view contents)
    : MemoryNode(std::move(volume), S_IFREG | permissions), bytes_(contents) {}

Task<Opened> MemoryFile::open(const Request&, int flags) {
  if ((flags & O_TRUNC) != 0) {
    const std::lock_guard lock(volume_->mutex);
    bytes_.clear();
  }
  co_return Opened{.handle = make<MemoryFileHandle>(std::static_pointer_cast<MemoryFile>(shared_from_this()))};
}

std::string MemoryFile::contents() const {
  const std::lock_guard lock(volume_->mutex);
  return bytes_;
}

MemorySpecial::MemorySpecial(std::shared_ptr<MemoryVolume> volume, mode_t mode, dev_t device, std::string target)
    : MemoryNode(std::move(volume), mode), target_(std::move(target)) {
  attr_.rdev = device;
}

Task<std::string> MemorySpecial::readlink(const Request&) {
  if (!attr_.is_symlink()) co_return Errno::invalid;
  co_return target_;
}

// An open directory.  Offsets are positions in the order of the names, as they stand when they are asked for.
class MemoryDirectoryHandle final : public Handle {
 public:
  explicit MemoryDirectoryHandle(Ref<MemoryDirectory> directory) : directory_(std::move(directory)) {}

  Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink) override {
    struct Item {
      std::string name;
      Entry entry;
    };
    std::vector<Item> items;
    {
      const std::lock_guard lock(directory_->volume_->mutex);
      const Entry self = directory_->entry_of(directory_);
      items = {{".", self}, {"..", self}};
      for (const auto& [name, node] : directory_->children_) items.push_back({name, directory_->entry_of(node)});
    }
    for (std::uint64_t at = offset; at < items.size(); ++at) {
      if (!sink.add(items[at].name, items[at].entry, at + 1)) break;
    }
    co_return {};
  }

  Task<> fsync(const Request&, bool) override { co_return {}; }

 private:
  Ref<MemoryDirectory> directory_;
};

MemoryDirectory::MemoryDirectory(std::shared_ptr<MemoryVolume> volume, mode_t permissions)
    : MemoryNode(std::move(volume), S_IFDIR | permissions) {}

Ref<MemoryNode> MemoryDirectory::put(const std::string& name, Ref<MemoryNode> node) {
  const std::lock_guard lock(volume_->mutex);
  children_[name] = node;
  return node;
}

Ref<MemoryDirectory> MemoryDirectory::add_directory(const std::string& name, mode_t permissions) {
  auto node = make<MemoryDirectory>(volume_, permissions);
  put(name, node);
  return node;
}

Ref<MemoryFile> MemoryDirectory::add_file(const std::string& name, std::string_view contents, mode_t permissions) {
  auto node = make<MemoryFile>(volume_, permissions, contents);
  put(name, node);
  return node;
}

Ref<MemorySpecial> MemoryDirectory::add_symlink(const std::string& name, std::string target) {
  auto node = make<MemorySpecial>(volume_, S_IFLNK | 0777, 0, std::move(target));
  put(name, node);
  return node;
}

void MemoryDirectory::remove(const std::string& name) {
  const std::lock_guard lock(volume_->mutex);
  children_.erase(name);
}

Ref<MemoryNode> MemoryDirectory::child(std::string_view name) const {
  const std::lock_guard lock(volume_->mutex);
  const auto found = children_.find(name);
  return found == children_.end() ? nullptr : found->second;
}

Entry MemoryDirectory::entry_of(const Ref<MemoryNode>& node) const {
  return {.node = node, .attr = node->attr(), .valid_for = volume_->valid_for};
}

Task<Entry> MemoryDirectory::lookup(const Request&, Name name) {
  const std::lock_guard lock(volume_->mutex);
  const auto found = children_.find(name.text());
  if (found == children_.end()) co_return Entry{.node = nullptr, .attr = {}, .valid_for = volume_->valid_for};
  co_return entry_of(found->second);
}

Task<Opened> MemoryDirectory::opendir(const Request&) {
  auto self = std::static_pointer_cast<MemoryDirectory>(shared_from_this());
  co_return Opened{.handle = make<MemoryDirectoryHandle>(std::move(self))};
}

Result<Entry> MemoryDirectory::add_new(const Request& request, Name name, Ref<MemoryNode> node) {
  const std::lock_guard lock(volume_->mutex);
  if (children_.contains(name.text())) return fail(Errno::exists);
  node->attr_.uid = request.caller.uid;
  node->attr_.gid = request.caller.gid;
  children_.emplace(name.text(), node);
  return entry_of(node);
}

Task<Created> MemoryDirectory::create(const Request& request, Name name, NewMode mode, int) {
  auto file = make<MemoryFile>(volume_, permissions_of(mode));
  Entry entry = co_await add_new(request, name, file);
  co_return Created{.entry = std::move(entry), .opened = {.handle = make<MemoryFileHandle>(std::move(file))}};
}

Task<Created> MemoryDirectory::tmpfile(const Request& request, NewMode mode, int) {
  auto file = make<MemoryFile>(volume_, permissions_of(mode));
  const std::lock_guard lock(volume_->mutex);
  file->attr_.uid = request.caller.uid;
  file->attr_.gid = request.caller.gid;
  file->attr_.nlink = 0;
  co_return Created{.entry = entry_of(file), .opened = {.handle = make<MemoryFileHandle>(file)}};
}

Task<Entry> MemoryDirectory::mknod(const Request& request, Name name, NewMode mode, dev_t device) {
  const mode_t type = mode.mode & S_IFMT;
  if (type == S_IFREG) co_return add_new(request, name, make<MemoryFile>(volume_, permissions_of(mode)));
  if (type != S_IFIFO && type != S_IFSOCK && type != S_IFCHR && type != S_IFBLK) co_return Errno::invalid;
  co_return add_new(request, name, make<MemorySpecial>(volume_, type | permissions_of(mode), device, ""));
}

Task<Entry> MemoryDirectory::mkdir(const Request& request, Name name, NewMode mode) {
  co_return add_new(request, name, make<MemoryDirectory>(volume_, permissions_of(mode)));
}

Task<Entry> MemoryDirectory::symlink(const Request& request, Name name, std::string target) {
  co_return add_new(request, name, make<MemorySpecial>(volume_, S_IFLNK | 0777, 0, std::move(target)));
}

Task<Entry> MemoryDirectory::link(const Request&, Ref<Node> existing, Name name) {
  const auto node = std::dynamic_pointer_cast<MemoryNode>(existing);
  if (!node || node->volume_ != volume_) co_return Errno::cross_device;
  const std::lock_guard lock(volume_->mutex);
  if (node->attr_.is_directory()) co_return Errno::not_permitted;
  if (!children_.emplace(name.text(), node).second) co_return Errno::exists;
  ++node->attr_.nlink;
  co_return entry_of(node);
}

Result<> MemoryDirectory::take_away(Name name, bool directory) {
  const std::lock_guard lock(volume_->mutex);
  const auto found = children_.find(name.text());
  if (found == children_.end()) return fail(Errno::no_entry);
  MemoryNode& node = *found->second;
  if (node.attr_.is_directory() != directory) return fail(directory ? Errno::not_directory : Errno::is_directory);
  if (directory && !static_cast<MemoryDirectory&>(node).children_.empty()) return fail(Errno{ENOTEMPTY});
  node.attr_.nlink = directory ? 0 : node.attr_.nlink - 1;
  children_.erase(found);
  return {};
}

Task<> MemoryDirectory::unlink(const Request&, Name name) { co_return take_away(name, false); }

Task<> MemoryDirectory::rmdir(const Request&, Name name) { co_return take_away(name, true); }

bool MemoryDirectory::holds(const Ref<MemoryNode>& above, const MemoryDirectory& directory) {
  const auto* top = dynamic_cast<const MemoryDirectory*>(above.get());
  if (top == nullptr) return false;
  return top == &directory ||
         std::ranges::any_of(top->children_, [&](const auto& child) { return holds(child.second, directory); });
}

// The kernel checks for loops too; but a fuzzer is no kernel, and nodes that hold each other would never go.
Result<> MemoryDirectory::check_rename(const Ref<MemoryNode>& moved, const Ref<MemoryNode>& replaced,
                                       const MemoryDirectory& target, bool exchange) const {
  if (holds(moved, target) || (exchange && holds(replaced, *this))) return fail(Errno::invalid);
  const auto* old = dynamic_cast<const MemoryDirectory*>(replaced.get());
  if (!exchange && old != nullptr && !old->children_.empty()) return fail(Errno{ENOTEMPTY});
  return {};
}

Task<> MemoryDirectory::rename(const Request&, Name from, Ref<Node> to_directory, Name to, unsigned flags) {
  const auto target = std::dynamic_pointer_cast<MemoryDirectory>(to_directory);
  if (!target || target->volume_ != volume_) co_return Errno::cross_device;
  const std::lock_guard lock(volume_->mutex);
  const auto source = children_.find(from.text());
  if (source == children_.end()) co_return Errno::no_entry;
  const auto place = target->children_.find(to.text());
  const bool exists = place != target->children_.end();
  const bool exchange = (flags & RENAME_EXCHANGE) != 0;
  if (exists && (flags & RENAME_NOREPLACE) != 0) co_return Errno::exists;
  if (exchange && !exists) co_return Errno::no_entry;
  co_await check_rename(source->second, exists ? place->second : nullptr, *target, exchange);
  if (exchange) {
    std::swap(source->second, place->second);
    co_return {};
  }
  if (exists && place->second == source->second) co_return {};
  if (exists) place->second->attr_.nlink = 0;
  target->children_.insert_or_assign(std::string(to.text()), source->second);
  children_.erase(children_.find(from.text()));
  co_return {};
}

Ref<MemoryDirectory> memory_tree(std::uint64_t device, Validity valid_for) {
  auto volume = std::make_shared<MemoryVolume>();
  volume->device = device;
  volume->valid_for = valid_for;
  return make<MemoryDirectory>(std::move(volume), 0755);
}

}  // namespace fusebox::testing
