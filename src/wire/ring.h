// The records of FUSE over io_uring, protocol 7.42 (include/uapi/linux/fuse.h: struct fuse_uring_req_header and its
// parts; Documentation/filesystems/fuse-io-uring.rst).
#pragma once

#include <cstddef>
#include <cstdint>

namespace fusebox::wire {

// What goes with each request and reply beside the payload.
struct RingHeader {
  std::byte in_out[128];  // InHeader of a request, OutHeader of a reply
  std::byte op_in[128];   // the first argument of a request; a reply leaves it alone
  struct {
    std::uint64_t flags;
    std::uint64_t commit_id;     // with which the reply is committed
    std::uint32_t payload_size;  // bytes, of the request or of the reply
    std::uint32_t padding;
    std::uint64_t reserved;
  } entry;
};
static_assert(sizeof(RingHeader) == 288 && offsetof(RingHeader, op_in) == 128 && offsetof(RingHeader, entry) == 256);

// What a submission carries in the second half of its 128 bytes.
struct RingCommand {
  std::uint64_t flags, commit_id;
  std::uint16_t qid;
  std::uint8_t padding[6];
};
static_assert(sizeof(RingCommand) == 24);

enum class RingOperation : std::uint32_t { register_entry = 1, commit_and_fetch = 2 };

// The least payload buffer, where max_write is smaller (fs/fuse/dev_uring_i.h).
inline constexpr std::size_t kMinRingPayload = 8192;

}  // namespace fusebox::wire
