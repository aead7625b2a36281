#include "door/spliced_reply.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "wire/abi.h"

namespace fusebox::door {
namespace {

// A page of the file takes a place of the pipe, and so does the header; a read may begin within a page.  What users may
// have, /proc/sys/fs/pipe-max-size, is 1 MiB by default, 256 places.
constexpr int kPipeSize = 1 << 20;
constexpr std::size_t kMostPayload = kPipeSize - 2 * 4096;

}  // namespace

Result<SplicedReply::Pipe> SplicedReply::make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return fail_with_errno();
  Pipe pipe{.from = Fd(ends[0]), .into = Fd(ends[1])};
  if (::fcntl(pipe.into.get(), F_SETPIPE_SZ, kPipeSize) < kPipeSize) return fail(Errno::not_permitted);
  return pipe;
}

bool SplicedReply::prepare() {
  if (payload_.from) return true;
  if (impossible_) return false;
  Result<Pipe> payload = make_pipe();
  Result<Pipe> reply = make_pipe();
  impossible_ = !payload || !reply;
  if (impossible_) return false;
  payload_ = *std::move(payload);
  reply_ = *std::move(reply);
  return true;
}

Result<std::size_t> SplicedReply::fill(int fd, std::uint64_t offset, std::size_t size) {
  auto position = static_cast<off64_t>(offset);
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t count = ::splice(fd, &position, payload_.into.get(), nullptr, size - filled, 0);
    if (count == 0) break;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_with_errno();  // EINVAL: not from this file; EAGAIN: the pipe is full
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

// The payload behind the header.
bool SplicedReply::join(std::size_t length) {
  while (length > 0) {
    const ssize_t count = ::splice(payload_.from.get(), nullptr, reply_.into.get(), nullptr, length, 0);
    if (count <= 0) return false;
    length -= static_cast<std::size_t>(count);
  }
  return true;
}

Result<> SplicedReply::send(int device, std::uint64_t unique, int fd, std::uint64_t offset, std::size_t size) {
  if (size > kMostPayload || !prepare()) return fail(Errno::not_supported);
  const Result<std::size_t> length = fill(fd, offset, size);
  const wire::OutHeader header{
      .len = static_cast<std::uint32_t>(sizeof(header) + length.value_or(0)), .error = 0, .unique = unique};
  if (!length || ::write(reply_.into.get(), &header, sizeof(header)) != sizeof(header) || !join(*length)) {
    payload_ = {};  // with whatever is still in them
    reply_ = {};
    return fail(Errno::not_supported);
  }
  // A whole reply in one call, or nothing of it (fs/fuse/dev.c: fuse_dev_splice_write).  Without SPLICE_F_MOVE: that
  // would take the pages out of the file's own cache.
  if (::splice(reply_.from.get(), nullptr, device, nullptr, header.len, 0) >= 0) return {};
  const Errno error{errno};
  payload_ = {};
  reply_ = {};
  return fail(error);
}

}  // namespace fusebox::door
