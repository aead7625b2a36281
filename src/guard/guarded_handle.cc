#include "guard/guarded_handle.h"

#include <dirent.h>

#include <utility>

namespace fusebox::guard {
namespace {

// Leaves out what the policy hides, and wraps what it shows.
class FilteringSink final : public DirSink {
 public:
  FilteringSink(DirSink& outer, const policy::Policy& policy, GuardedNode& directory)
      : outer_(outer), policy_(policy), directory_(directory), path_(directory.child_path({})), length_(path_.size()) {}

  bool wants_entries() const override { return outer_.wants_entries(); }

  bool add(std::string_view name, std::uint64_t ino, std::uint8_t type, std::uint64_t next) override {
    return is_hidden(name) || outer_.add(name, ino, type, next);
  }
  bool add(std::string_view name, Entry entry, std::uint64_t next) override {
    return is_hidden(name) || outer_.add(name, directory_.wrap(std::move(entry), name), next);
  }

 private:
  bool is_hidden(std::string_view name) {
    if (name == "." || name == "..") return false;
    path_.resize(length_);
    path_ += name;
    return policy_.decide(path_, policy::Want::stat).verdict == policy::Verdict::hide;
  }

  DirSink& outer_;
  const policy::Policy& policy_;
  GuardedNode& directory_;
  std::string path_;  // of the directory, with a slash behind it
  const std::size_t length_;
};

}  // namespace

GuardedHandle::GuardedHandle(Guard& guard, Ref<Handle> inner, std::shared_ptr<const Place> place, Ref<GuardedNode> node)
    : guard_(guard), inner_(std::move(inner)), place_(std::move(place)), node_(std::move(node)) {}

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

Task<> GuardedHandle::flush(const Request& request) { return inner_->flush(request); }
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

Task<> GuardedHandle::readdir(const Request& request, std::uint64_t offset, DirSink& sink) {
  FilteringSink filtering(sink, guard_.policy(), *node_);
  co_await inner_->readdir(request, offset, filtering);
  co_return {};
}

}  // namespace fusebox::guard
