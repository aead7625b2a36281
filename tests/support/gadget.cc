#include "support/gadget.h"

#include <algorithm>

#include "fusebox/executor.h"

namespace fusebox::testing {

using namespace std::chrono_literals;

Task<Attr> Gadget::getattr(const Request&, Ref<Handle>) { co_return Attr::file(0644, 8192); }

Task<Opened> Gadget::open(const Request&, int) { co_return Opened{.handle = shared_from_this()}; }

std::optional<FileLock> Gadget::in_the_way(const std::vector<Held>& held, LockOwner owner, const FileLock& lock) const {
  const auto found = std::ranges::find_if(held, [&](const Held& other) {
    const bool overlaps = other.second.first <= lock.last && lock.first <= other.second.last;
    const bool agrees = other.second.type == LockType::shared && lock.type == LockType::shared;
    return other.first != owner && overlaps && !agrees;
  });
  if (lock.type == LockType::unlock || found == held.end()) return std::nullopt;
  return found->second;
}

Result<> Gadget::try_to_set(std::vector<Held>& held, LockOwner owner, const FileLock& lock) {
  const std::lock_guard guard(mutex_);
  if (in_the_way(held, owner, lock)) return fail(Errno::again);
  std::erase_if(held, [&](const Held& other) {
    return other.first == owner && other.second.first <= lock.last && lock.first <= other.second.last;
  });
  if (lock.type != LockType::unlock) held.emplace_back(owner, lock);
  return {};
}

Task<> Gadget::set(const Request& request, std::vector<Held>& held, LockOwner owner, FileLock lock, LockWait wait) {
  for (;;) {
    const Result<> done = try_to_set(held, owner, lock);
    if (done || wait == LockWait::no) co_return done;
    co_await sleep_for(request, 1ms);
  }
}

Task<std::optional<FileLock>> Gadget::getlk(const Request&, LockOwner owner, FileLock wanted) {
  const std::lock_guard guard(mutex_);
  co_return in_the_way(ranges_, owner, wanted);
}

Task<> Gadget::setlk(const Request& request, LockOwner owner, FileLock lock, LockWait wait) {
  return set(request, ranges_, owner, lock, wait);
}

Task<> Gadget::flock(const Request& request, LockOwner owner, LockType type, LockWait wait) {
  return set(request, wholes_, owner, FileLock{.type = type}, wait);
}

Task<IoctlReply> Gadget::ioctl(const Request&, unsigned, std::uint64_t argument, std::span<const std::byte> in,
                               std::span<std::byte> out) {
  const std::size_t size = std::min(in.size(), out.size());
  std::ranges::reverse_copy(in.first(size), out.begin());
  co_return IoctlReply{.result = static_cast<int>(argument & 0xff), .size = size};
}

Task<unsigned> Gadget::poll(const Request&, unsigned events, std::optional<PollHandle> tell) {
  const std::lock_guard guard(mutex_);
  if (tell) tell_ = tell;
  co_return ready_& events;
}

std::optional<PollHandle> Gadget::become_ready(unsigned events) {
  const std::lock_guard guard(mutex_);
  ready_ |= events;
  return std::exchange(tell_, std::nullopt);
}

}  // namespace fusebox::testing
