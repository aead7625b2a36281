// What device-like files have besides data: ioctl(2) and poll(2).
#include <poll.h>

#include <algorithm>

#include "dispatch/opcode_table.h"

namespace fusebox::dispatch::serve {

// Restricted ioctls only: the kernel knows both lengths from the command, and moves the data itself
// (fs/fuse/ioctl.c: fuse_do_ioctl).
Task<> ioctl(Call& call) {
  const auto in = co_await call.arguments.take<wire::IoctlIn>();
  const auto data = co_await call.arguments.take_bytes(in.in_size);
  const Ref<Handle> handle = co_await call.handle(in.fh);
  const std::span<std::byte> behind = call.reply.room(sizeof(wire::IoctlOut) + std::size_t{in.out_size});
  const std::span<std::byte> out = behind.subspan(std::min(sizeof(wire::IoctlOut), behind.size()));
  const IoctlReply reply = co_await handle->ioctl(call.request, in.cmd, in.arg, data, out);
  if (reply.size > out.size()) co_return Errno::io;
  call.reply.put(wire::IoctlOut{.result = reply.result, .flags = 0, .in_iovs = 0, .out_iovs = 0});
  call.reply.commit(reply.size);
  co_return {};
}

// A file that has no poll is always ready, as files are.  ENOSYS would say so of every other file too.
Task<> poll(Call& call) {
  constexpr unsigned kReady = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;  // include/linux/poll.h: DEFAULT_POLLMASK
  const auto in = co_await call.arguments.take<wire::PollIn>();
  const Ref<Handle> handle = co_await call.handle(in.fh);
  std::optional<PollHandle> tell;
  if ((in.flags & wire::kPollNotify) != 0) tell = PollHandle{in.kh};
  const Result<unsigned> ready = co_await attempt(handle->poll(call.request, in.events, tell));
  if (!ready && ready.error() != Errno::not_implemented) co_return ready.error();
  call.reply.put(wire::PollOut{.revents = ready.value_or(kReady), .padding = 0});
  co_return {};
}

}  // namespace fusebox::dispatch::serve
