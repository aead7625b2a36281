#include "cow/cow_directory.h"

#include <dirent.h>
#include <sys/ioctl.h>

#include <cstdint>
#include <limits>

namespace fusebox {
namespace {

constexpr std::uint64_t kDots = 2;  // "." and ".." come first

// Behind the last entry, as on ext4: it decides what read(2) answers there (EINVAL, not EISDIR).
constexpr std::uint64_t kEnd = std::numeric_limits<std::int64_t>::max();

}  // namespace

Task<> CowDirectory::readdir(const Request&, std::uint64_t offset, DirSink& sink) { co_return list(offset, sink); }

Result<> CowDirectory::list(std::uint64_t offset, DirSink& sink) {
  const std::lock_guard lock(mutex_);
  if (offset == 0 || !is_listed_) {
    Result<std::vector<CowNode::Listed>> listed = node_->list();
    if (!listed) return fail(listed.error());
    items_ = *std::move(listed);
    is_listed_ = true;
  }
  if (offset == kEnd) return {};
  if (offset < 1 && !sink.add(".", node_->shown_inode(), DT_DIR, 1)) return {};
  if (offset < kDots && !sink.add("..", node_->shown_parent_inode(), DT_DIR, items_.empty() ? kEnd : kDots)) return {};
  const std::uint64_t first = offset < kDots ? 0 : offset - kDots;
  for (std::uint64_t at = first; at < items_.size(); ++at) {
    const std::uint64_t next = at + 1 < items_.size() ? at + kDots + 1 : kEnd;
    if (!pass_on(items_[at], sink, next)) return {};
  }
  return {};
}

// False: the sink is full.
bool CowDirectory::pass_on(const CowNode::Listed& item, DirSink& sink, std::uint64_t next) {
  const Result<Name> name = Name::parse(item.name);
  if (!name) return true;
  if (!sink.wants_entries() && !item.is_in_upper) return sink.add(item.name, item.inode, item.type, next);
  Result<Entry> found = node_->find(*name);
  // Gone since it was listed: not an entry any more.
  if (found ? found->node == nullptr : found.error() == Errno::no_entry) return true;
  if (!found) return sink.add(item.name, item.inode, item.type, next);
  if (sink.wants_entries()) return sink.add(item.name, *std::move(found), next);
  return sink.add(item.name, found->attr.ino, static_cast<std::uint8_t>(IFTODT(found->attr.mode)), next);
}

Task<> CowDirectory::fsync(const Request& request, bool data_only) {
  const Opened opened = co_await node_->current()->opendir(request);
  co_return co_await attempt(opened.handle->fsync(request, data_only));
}

Task<IoctlReply> CowDirectory::ioctl(const Request& request, unsigned command, std::uint64_t argument,
                                     std::span<const std::byte> in, std::span<std::byte> out) {
  if ((_IOC_DIR(command) & _IOC_WRITE) != 0) co_await node_->copy_up();
  const Opened opened = co_await node_->current()->opendir(request);
  co_return co_await opened.handle->ioctl(request, command, argument, in, out);
}

}  // namespace fusebox
