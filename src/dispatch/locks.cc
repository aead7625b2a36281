// Locks of fcntl(2) and flock(2).  Asked for only where the session took them on (negotiation.h).
#include "dispatch/opcode_table.h"
#include "wire/encode.h"

namespace fusebox::dispatch::serve {
namespace {

struct LockRequest {
  Ref<Handle> handle;
  LockOwner owner{};
  FileLock lock;
  bool whole_file = false;
};

Result<LockRequest> take(Call& call) {
  const auto in = call.arguments.take<wire::LockIn>();
  if (!in) return fail(in.error());
  const std::optional<FileLock> lock = wire::decode_lock(in->lock);
  if (!lock) return fail(Errno::invalid);
  Result<Ref<Handle>> handle = call.handle(in->fh);
  if (!handle) return fail(handle.error());
  return LockRequest{.handle = *std::move(handle),
                     .owner = LockOwner{in->owner},
                     .lock = *lock,
                     .whole_file = (in->lock_flags & wire::kLockFlock) != 0};
}

Errno for_caller(Errno error) { return error == Errno::not_implemented ? static_cast<Errno>(ENOLCK) : error; }

Task<> set(Call& call, LockWait wait) {
  const LockRequest in = co_await take(call);
  Task<> setting = in.whole_file ? in.handle->flock(call.request, in.owner, in.lock.type, wait)
                                 : in.handle->setlk(call.request, in.owner, in.lock, wait);
  const Result<> result = co_await attempt(std::move(setting));
  if (!result) co_return for_caller(result.error());
  co_return {};
}

}  // namespace

Task<> getlk(Call& call) {
  const LockRequest in = co_await take(call);
  const Result<std::optional<FileLock>> found = co_await attempt(in.handle->getlk(call.request, in.owner, in.lock));
  if (!found) co_return for_caller(found.error());
  FileLock none = in.lock;
  none.type = LockType::unlock;
  call.reply.put(wire::LockOut{.lock = wire::encode_lock(found->value_or(none))});
  co_return {};
}

Task<> setlk(Call& call) {
  co_await set(call, LockWait::no);
  co_return {};
}

Task<> setlkw(Call& call) {
  co_await set(call, LockWait::until_free);
  co_return {};
}

}  // namespace fusebox::dispatch::serve
