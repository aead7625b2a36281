#include "guard/guarded_handle.h"

#include <dirent.h>
#include <sys/ioctl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fusebox::guard {
namespace {

// Leaves out what the policy hides, and wraps what it shows.
class FilteringSink final : public DirSink {
 public:
  FilteringSink(DirSink& outer, const Guard& guard, const Request& request, const policy::Policy& policy,
                GuardedNode& directory, bool asks)
      : outer_(outer),
        guard_(guard),
        policy_(policy),
        directory_(directory),
        asks_(asks),
        path_(directory.child_path(request, {})),
        length_(path_.size()) {}

  bool wants_entries() const override { return outer_.wants_entries(); }

  bool add(std::string_view name, std::uint64_t ino, std::uint8_t type, std::uint64_t next) override {
    return is_hidden(name) || outer_.add(name, ino, type, next);
  }
  bool add(std::string_view name, Entry entry, std::uint64_t next) override {
    if (is_hidden(name)) return true;
    return outer_.add(name, directory_.wrap(std::move(entry), name, asks_ && guard_.asks_at(path_)), next);
  }

 private:
  bool is_hidden(std::string_view name) {
    if (name == "." || name == "..") return false;
    path_.resize(length_);
    path_ += name;
    return policy_.decide(path_, policy::Want::stat).verdict == policy::Verdict::hide;
  }

  DirSink& outer_;
  const Guard& guard_;
  const policy::Policy& policy_;
  GuardedNode& directory_;
  const bool asks_;   // the hook may have a say on some of the names
  std::string path_;  // of the directory, with a slash behind it, and then of the name
  const std::size_t length_;
};

// Keeps some entries, so that the hook can be asked about each before it is shown.
class CollectingSink final : public DirSink {
 public:
  struct Collected {
    std::string name;
    std::uint64_t ino = 0;
    std::uint8_t type = 0;
    std::uint64_t next = 0;
    std::optional<Entry> entry{};
  };

  explicit CollectingSink(bool wants_entries) : wants_entries_(wants_entries) {}

  bool wants_entries() const override { return wants_entries_; }
  bool add(std::string_view name, std::uint64_t ino, std::uint8_t type, std::uint64_t next) override {
    if (collected.size() == kMost) return false;
    collected.push_back({.name = std::string(name), .ino = ino, .type = type, .next = next});
    return true;
  }
  bool add(std::string_view name, Entry entry, std::uint64_t next) override {
    if (collected.size() == kMost) return false;
    collected.push_back({.name = std::string(name), .next = next, .entry = std::move(entry)});
    return true;
  }

  std::vector<Collected> collected;

 private:
  static constexpr std::size_t kMost = 64;

  const bool wants_entries_;
};

}  // namespace

GuardedHandle::GuardedHandle(Guard& guard, Ref<Handle> opened, const Ref<Node>& node,
                             std::shared_ptr<const Place> place, Ref<GuardedNode> directory)
    : guard_(guard),
      opened_(std::move(opened)),
      inner_(opened_ ? opened_ : node),
      place_(std::move(place)),
      directory_(std::move(directory)) {}

Task<std::size_t> GuardedHandle::read(const Request& request, std::uint64_t offset, std::span<std::byte> into) {
  const std::size_t count = co_await inner_->read(request, offset, into);
  if (guard_.level() == audit::Level::io) {
    const Act act{.op = audit::Op::read, .want = policy::Want::read};
    co_await guard_.report(request, *place_, act, Errno{}, {}, count);
  }
  co_return count;
}

Task<std::size_t> GuardedHandle::write(const Request& request, std::uint64_t offset, std::span<const std::byte> data) {
  const std::size_t count = co_await inner_->write(request, offset, data);
  if (guard_.level() == audit::Level::io) {
    const Act act{.op = audit::Op::write, .want = policy::Want::write};
    co_await guard_.report(request, *place_, act, Errno{}, {}, count);
  }
  co_return count;
}

// None where each read is to be seen.
std::optional<int> GuardedHandle::source_of_reads() {
  return guard_.level() == audit::Level::io ? std::nullopt : inner_->source_of_reads();
}

Task<> GuardedHandle::flush(const Request& request, LockOwner owner) { return inner_->flush(request, owner); }
Task<> GuardedHandle::fsync(const Request& request, bool data_only) { return inner_->fsync(request, data_only); }

Task<> GuardedHandle::fallocate(const Request& request, int mode, std::uint64_t offset, std::uint64_t length) {
  const Act act{.op = audit::Op::fallocate, .want = policy::Want::write};
  const Result<> result = co_await attempt(inner_->fallocate(request, mode, offset, length));
  co_await guard_.report(request, *place_, act, result ? Errno{} : result.error());
  co_return result;
}

Task<std::uint64_t> GuardedHandle::lseek(const Request& request, std::uint64_t offset, int whence) {
  return inner_->lseek(request, offset, whence);
}

Task<std::size_t> GuardedHandle::copy_file_range(const Request& request, std::uint64_t offset, Ref<Handle> target,
                                                 std::uint64_t target_offset, std::size_t length) {
  auto guarded = std::static_pointer_cast<GuardedHandle>(std::move(target));
  return inner_->copy_file_range(request, offset, guarded->inner_, target_offset, length);
}

Task<std::optional<FileLock>> GuardedHandle::getlk(const Request& request, LockOwner owner, FileLock wanted) {
  return inner_->getlk(request, owner, wanted);
}
Task<> GuardedHandle::setlk(const Request& request, LockOwner owner, FileLock lock, LockWait wait) {
  return inner_->setlk(request, owner, lock, wait);
}
Task<> GuardedHandle::flock(const Request& request, LockOwner owner, LockType type, LockWait wait) {
  return inner_->flock(request, owner, type, wait);
}
Task<unsigned> GuardedHandle::poll(const Request& request, unsigned events, std::optional<PollHandle> tell) {
  return inner_->poll(request, events, tell);
}

// Careful: an ioctl may change a file that is open for reading alone (FS_IOC_SETFLAGS).  By its number it tells which
// way data goes (ioctl(2)); those that do not tell are for terminals, or do anything.
Task<IoctlReply> GuardedHandle::ioctl(const Request& request, unsigned command, std::uint64_t argument,
                                      std::span<const std::byte> in, std::span<std::byte> out) {
  if (_IOC_DIR(command) == _IOC_NONE) co_return static_cast<Errno>(ENOTTY);
  if (_IOC_DIR(command) == _IOC_READ) co_return co_await inner_->ioctl(request, command, argument, in, out);
  const Act act{.op = audit::Op::ioctl, .want = policy::Want::write};
  co_await guard_.permit(request, *place_, act);
  const Result<IoctlReply> reply = co_await attempt(inner_->ioctl(request, command, argument, in, out));
  co_await guard_.report(request, *place_, act, reply ? Errno{} : reply.error());
  co_return reply;
}

Task<> GuardedHandle::readdir(const Request& request, std::uint64_t offset, DirSink& sink) {
  if (guard_.asks_about_looks() && guard_.asks_about_names_in(directory_->place(request)->path)) {
    co_await readdir_by_hook(request, offset, sink);
    co_return {};
  }
  const Ruling ruling = guard_.ruling(request);
  FilteringSink filtering(sink, guard_, request, *ruling.policy, *directory_, false);
  co_await inner_->readdir(request, offset, filtering);
  co_return {};
}

// An answer without an entry would be the end of the listing: so it goes on until one may be shown.
Task<> GuardedHandle::readdir_by_hook(const Request& request, std::uint64_t offset, DirSink& sink) {
  const Ruling ruling = guard_.ruling(request);
  for (bool is_shown = false; !is_shown;) {
    CollectingSink collecting(sink.wants_entries());
    FilteringSink filtering(collecting, guard_, request, *ruling.policy, *directory_, true);
    co_await inner_->readdir(request, offset, filtering);
    if (collecting.collected.empty()) break;
    for (CollectingSink::Collected& one : collecting.collected) {
      offset = one.next;
      if (co_await is_hidden_by_hook(request, ruling, one.name)) continue;
      const bool has_room = one.entry ? sink.add(one.name, *std::move(one.entry), one.next)
                                      : sink.add(one.name, one.ino, one.type, one.next);
      if (!has_room) co_return {};
      is_shown = true;
    }
  }
  co_return {};
}

Task<bool> GuardedHandle::is_hidden_by_hook(const Request& request, const Ruling& ruling, std::string_view name) {
  if (name == "." || name == "..") co_return false;
  std::string path = directory_->child_path(request, name);
  if (!guard_.asks_at(path)) co_return false;
  const Place at = guard_.place(ruling, std::move(path));
  const Act act{.op = audit::Op::stat, .want = policy::Want::stat};
  co_return !co_await attempt(guard_.would_permit(request, at, act));
}

}  // namespace fusebox::guard
