// Opening, creating, and the choice of the data path.
#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "store/data_path.h"
#include "store/host_core.h"
#include "store/host_directory.h"
#include "store/host_file.h"
#include "store/host_node.h"
#include "store/open_state.h"

namespace fusebox {
namespace {

// Not O_DIRECT: the kernel does direct I/O above, and its requests need not be aligned.
constexpr int kPassedFlags = O_ACCMODE | O_APPEND | O_NOATIME | O_SYNC | O_DSYNC;
constexpr mode_t kPermissions = 07777;

bool writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0; }

}  // namespace

Task<Opened> HostNode::open(const Request& request, int flags) { co_return open_for(request, flags, Passing::allowed); }

Result<Opened> HostNode::open_for(const Request& request, int flags, Passing passing) {
  if (S_ISDIR(type_)) return fail(Errno::is_directory);
  // The kernel opens FIFOs, sockets and devices itself; opened here they could block or have effects.
  if (!S_ISREG(type_)) return fail(Errno{ENXIO});
  const Ref<HostNode> self = shared_from_this();
  // Nobody has asked the host yet, and a descriptor that is there may be older than the file's mode.
  if (core_.own_ids) {
    const int mask = (flags & kOpenToExecute) != 0 ? X_OK : R_OK;
    const Result<> allowed = writes(flags) ? check_way() : check_access(request, mask);
    if (!allowed) return fail(allowed.error());
  }
  if (!writes(flags) && (flags & O_NOATIME) == 0) {
    if (std::optional<Opened> opened = open_from_memory(passing)) return *std::move(opened);
    const Result<Lease> data = acquire(Need::data);
    if (!data) return fail(data.error());
    const int fd = (*data)->fd.get();
    const Result<FileStatus> status = status_of(fd);
    if (!status) return fail(status.error());
    return answer_open(make<HostFile>(self, *data), *status, fd, true, passing);
  }
  const Result<Lease> place = acquire(Need::place);
  if (!place) return fail(place.error());
  Result<Fd> own = as_caller(core_.groups, request.caller,
                             [&] { return core_.reopen((*place)->fd.get(), flags & (kPassedFlags | O_TRUNC)); });
  if (!own) return fail(own.error());
  const Result<FileStatus> status = status_of(own->get());
  if (!status) return fail(status.error());
  auto file = make<HostFile>(self, *std::move(own), flags);
  // Registered by the other descriptor: an id that is kept beyond the close must not keep the file open for writing, or
  // nobody could execute it (ETXTBSY).
  return answer_open(std::move(file), *status, (*place)->fd.get(), true, passing);
}

// A file whose contents the kernel still has, and whose descriptor was given back meanwhile: reading many files twice
// then opens none of them.
std::optional<Opened> HostNode::open_from_memory(Passing passing) {
  std::optional<ContentStamp> stamp;
  {
    const std::lock_guard lock(mutex_);
    if (descriptor_ != nullptr || open_state_ == nullptr || open_state_->passthrough > 0) return std::nullopt;
    stamp = open_state_->stamp;
  }
  if (!stamp) return std::nullopt;
  const Result<FileStatus> status = this->status();
  if (!status || *stamp != ContentStamp::of(*status) || status->stx_size >= kLargeFile) return std::nullopt;
  return answer_open(make<HostFile>(shared_from_this(), Lease()), *status, -1, true, passing);
}

Opened HostNode::answer_open(Ref<HostFile> file, const FileStatus& status, int register_fd, bool keeps_backing_id,
                             Passing passing) {
  const std::lock_guard lock(mutex_);
  if (open_state_ == nullptr) open_state_ = std::make_unique<OpenState>();
  OpenState& state = *open_state_;
  const ContentStamp stamp = ContentStamp::of(status);
  DataPathQuestion question{
      .writes = file->writes(),
      .size = status.stx_size,
      .can_pass_through = passing == Passing::allowed && core_.may_pass_through.load(std::memory_order_relaxed),
      .has_set_id = has_set_id(status.stx_mode),
      .is_unchanged = state.stamp == stamp,
      .cached_opens = state.cached,
      .passthrough_opens = state.passthrough};
  note_mode(status.stx_mode);
  DataPath path = choose_data_path(question);
  if (path == DataPath::passthrough && state.backing_id == 0) {
    if (const Result<std::int32_t> id = core_.backing->register_file(register_fd)) {
      state.backing_id = *id;
      state.keeps_backing_id = keeps_backing_id;
    } else {
      if (id.error() == Errno::not_permitted) core_.may_pass_through = false;
      question.can_pass_through = false;
      path = choose_data_path(question);
    }
  }
  if (file->writes()) {
    state.stamp.reset();
  } else if (path == DataPath::cached) {
    state.stamp = recently_changed(status) ? std::nullopt : std::optional(stamp);
  }
  ++(path == DataPath::passthrough ? state.passthrough : state.cached);
  file->opened_as(path);
  const std::int32_t id = path == DataPath::passthrough ? state.backing_id : 0;
  // At a FLUSH the kernel first writes what was changed through a mapping; without one it may take its time.  And fcntl
  // locks end with it: files that are locked are most often opened for reading and writing; for others the end of the
  // last descriptor does (docs/decisions/0005-locks.md).
  const bool wants_flush =
      (file->writes() && path != DataPath::passthrough) || file->reads_and_writes() || core_.locks.holds(*this);
  return {
      .handle = std::move(file), .path = path, .backing_id = id, .cache_directory = false, .wants_flush = wants_flush};
}

Result<Fd> HostNode::open_for_locks(LockUse use) {
  constexpr int kFlags = O_NONBLOCK | O_NOFOLLOW;
  bool for_writing = use == LockUse::exclusive_too;
  if (use == LockUse::shared) {
    constexpr mode_t kExecutable = 0111;
    const Result<FileStatus> now = status();
    for_writing = now && (now->stx_mode & kExecutable) == 0;
  }
  if (for_writing) {
    Result<Fd> fd = open_again(O_RDWR | kFlags);
    if (fd) return fd;  // else EROFS, or ETXTBSY: it is being executed
  }
  return open_again(O_RDONLY | kFlags);
}

void HostNode::closed(DataPath path, bool wrote) {
  std::int32_t unused_id = 0;
  bool is_idle = false;
  {
    const std::lock_guard lock(mutex_);
    OpenState& state = *open_state_;
    --(path == DataPath::passthrough ? state.passthrough : state.cached);
    if (wrote) state.stamp.reset();
    if (state.passthrough == 0 && state.backing_id != 0) {
      if (!state.keeps_backing_id) {
        unused_id = std::exchange(state.backing_id, 0);
      } else if (!state.is_listed_idle) {
        is_idle = state.is_listed_idle = true;
      }
    }
  }
  if (unused_id != 0) core_.backing->unregister(unused_id);
  if (is_idle) core_.backing_ids.idle(weak_from_this());
}

void HostNode::drop_idle_backing_id() {
  std::int32_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    open_state_->is_listed_idle = false;
    if (open_state_->passthrough == 0) id = std::exchange(open_state_->backing_id, 0);
  }
  if (id != 0) core_.backing->unregister(id);
}

Task<Opened> HostNode::opendir(const Request& request) {
  if (!S_ISDIR(type_)) co_return Errno::not_directory;
  if (core_.has_one_user()) co_await look_outside(request);  // a walk from this descriptor does not ask for its name
  if (core_.own_ids) co_await check_access(request, R_OK);
  const Lease place = co_await acquire(Need::place);
  Result<Fd> fd = core_.open(place->fd.get(), ".", O_RDONLY | O_DIRECTORY);
  // A directory may be readable and not searchable.
  if (!fd && fd.error() == Errno::access) fd = core_.reopen(place->fd.get(), O_RDONLY | O_DIRECTORY);
  if (!fd) co_return fd.error();
  const FileStatus status = co_await status_of(fd->get());
  // The kernel tells by its mtime whether a listing it keeps is still right.
  const bool cache_directory = !recently_changed(status);
  co_return Opened{.handle = make<HostDirectory>(shared_from_this(), *std::move(fd)),
                   .path = DataPath::cached,
                   .backing_id = 0,
                   .cache_directory = cache_directory,
                   .wants_flush = false};
}

Task<Created> HostNode::create(const Request& request, Name name, NewMode mode, int flags) {
  const Lease directory = co_await acquire(Need::place);
  Result<Fd> fd = as_caller(core_.groups, request.caller, mode.umask, [&] {
    return core_.open(directory->fd.get(), name.c_str(), (flags & kPassedFlags) | O_CREAT | O_EXCL | O_NOFOLLOW,
                      mode.mode & kPermissions);
  });
  // The kernel thought that there is no such file.  After ESTALE it looks again and opens what it finds, or refuses to,
  // with all its checks; and no FIFO or device is ever opened here.
  if (!fd && fd.error() == Errno::exists && (flags & O_EXCL) == 0) co_return Errno::stale;
  if (!fd) co_return fd.error();
  const FileStatus status = co_await status_of(fd->get());
  Entry entry = co_await this->entry(status, directory->fd.get(), name.c_str());
  HostNode& node = static_cast<HostNode&>(*entry.node);
  const int created_fd = fd->get();
  auto file = make<HostFile>(std::static_pointer_cast<HostNode>(entry.node), *std::move(fd), flags & ~O_TRUNC);
  // The only descriptor so far may be one for writing, so the id goes with the last close.
  Opened opened = node.answer_open(std::move(file), status, created_fd, false);
  co_return Created{.entry = std::move(entry), .opened = std::move(opened)};
}

Task<Created> HostNode::tmpfile(const Request& request, NewMode mode, int flags) {
  const Lease directory = co_await acquire(Need::place);
  Result<Fd> fd = as_caller(core_.groups, request.caller, mode.umask, [&] {
    // With O_EXCL it can never be given a name (open(2)).
    return core_.open(directory->fd.get(), ".", (flags & (kPassedFlags | O_EXCL)) | O_TMPFILE,
                      mode.mode & kPermissions);
  });
  if (!fd) co_return fd.error();
  const FileStatus status = co_await status_of(fd->get());
  const std::uint64_t generation = generation_of(status, fd->get(), "");
  const Ref<HostNode> node = core_.nodes.insert(make<HostNode>(core_, mount_, status, generation, nullptr, ""));
  Fd place = co_await core_.reopen(fd->get(), O_PATH);
  co_await node->keep(std::move(place), false);
  const int created_fd = fd->get();
  Opened opened = node->answer_open(make<HostFile>(node, *std::move(fd), flags), status, created_fd, false);
  co_return Created{.entry = {.node = node, .attr = node->attr(status), .valid_for = Validity::zero()},
                    .opened = std::move(opened)};
}

}  // namespace fusebox
