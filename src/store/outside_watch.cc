#include "store/outside_watch.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <array>

#include "store/host_node.h"

namespace fusebox {
namespace {

// Each costs a mount; a directory with more of them is no place where people meet.
constexpr std::size_t kMostShown = 64;

// Of 80 bytes each; beyond that, whatever is new is taken to be ours.
constexpr std::size_t kMostRemembered = 65536;

// A directory whose objects cannot be shown must not hold up every walk for ever.
constexpr std::size_t kMostFailures = 8;

// Looking at huge directories takes at most this part of the time.
constexpr int kIdlePart = 20;

bool may_be_object(unsigned char type) { return type == DT_FIFO || type == DT_SOCK || type == DT_UNKNOWN; }

// The names in an open directory that may be those of objects.
std::vector<std::string> candidates(int directory) {
  std::vector<std::string> names;
  alignas(dirent64) std::array<char, std::size_t{32} * 1024> buffer;
  for (;;) {
    const ssize_t count = ::getdents64(directory, buffer.data(), buffer.size());
    if (count <= 0) return names;
    for (ssize_t at = 0; at < count;) {
      const auto* record = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += record->d_reclen;
      if (may_be_object(record->d_type) && names.size() < kMostShown) names.emplace_back(record->d_name);
    }
  }
}

}  // namespace

void MadeInside::remember(const std::optional<Identity>& identity) {
  is_full_ = is_full_ || known_.size() >= kMostRemembered;
  if (identity && !is_full_) known_.emplace(identity->device, identity->inode, identity->generation);
}

void MadeInside::adopt(const Identity& identity) {
  const std::lock_guard lock(mutex_);
  remember(identity);
}

bool MadeInside::is_inside(const Identity& identity) const {
  const std::lock_guard lock(mutex_);
  return is_full_ || known_.contains({identity.device, identity.inode, identity.generation});
}

Validity OutsideWatch::due_in(const FileStatus& status) const {
  const std::lock_guard lock(mutex_);
  if (!looked_) return Validity::zero();
  const bool is_same =
      mtime_tells_ && status.stx_mtime.tv_sec == mtime_.tv_sec && status.stx_mtime.tv_nsec == mtime_.tv_nsec;
  return is_same ? Validity::max() : std::max<Validity>(next_look_ - Clock::now(), Validity::zero());
}

std::optional<Identity> OutsideWatch::shown_as(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(shown_, name, &std::pair<std::string, Identity>::first);
  return found != shown_.end() ? std::optional(found->second) : std::nullopt;
}

void OutsideWatch::begin_empty() {
  const std::lock_guard lock(mutex_);
  if (looked_) return;
  looked_ = true;
  next_look_ = Clock::now() + interval_;
}

void OutsideWatch::settle(const FileStatus& status) {
  looked_ = true;
  mtime_ = status.stx_mtime;
  mtime_tells_ = !recently_changed(status);
}

std::vector<OutsideObject> OutsideWatch::look(int place, const FileStatus& status, const MadeInside& made_inside) {
  const Clock::time_point start = Clock::now();
  std::vector<OutsideObject> found;
  const Fd directory(::openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::vector<std::string> names = directory ? candidates(directory.get()) : std::vector<std::string>();
  for (const std::string& name : names) {
    Fd fd(::openat(directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    const Result<FileStatus> object = fd ? status_of(fd.get()) : fail_with_errno();
    if (!object || (!S_ISFIFO(object->stx_mode) && !S_ISSOCK(object->stx_mode))) continue;
    const Identity identity{mount_key(*object), object->stx_ino, generation_of(*object, fd.get(), "")};
    if (made_inside.is_inside(identity)) continue;
    found.push_back({.name = name, .identity = identity, .fd = std::move(fd)});
  }

  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  next_look_ = now + std::max<Validity>(interval_, (now - start) * kIdlePart);
  // One that went away, or is another now, is shown no more: the kernel drops the mount with the name.
  std::erase_if(shown_, [&](const auto& known) {
    return std::ranges::none_of(found, [&](const OutsideObject& object) {
      return object.name == known.first && object.identity == known.second;
    });
  });
  std::erase_if(found, [&](const OutsideObject& object) {
    return std::ranges::find(shown_, std::pair(object.name, object.identity)) != shown_.end();
  });
  if (found.empty()) settle(status);
  return found;
}

void OutsideWatch::shown(const std::vector<OutsideObject>& objects, std::size_t failed, const FileStatus& status) {
  const std::lock_guard lock(mutex_);
  for (const OutsideObject& object : objects) shown_.emplace_back(object.name, object.identity);
  settle(status);
  failures_ += failed;
  if (failed > 0 && failures_ < kMostFailures) mtime_tells_ = false;  // another look, another try
}

}  // namespace fusebox
