#include "dispatch/negotiation.h"

#include <algorithm>

namespace fusebox::dispatch {
namespace {

// What every server of ours can do.  Not taken: WRITEBACK_CACHE (it switches passthrough off, and is wrong where files
// change underneath), and the splicing flags, which nothing depends on (fs/fuse/inode.c: process_init_reply).
constexpr std::uint64_t kWanted =
    wire::kAsyncRead | wire::kAtomicTruncate | wire::kBigWrites | wire::kDontMask | wire::kAutoInvalidateData |
    wire::kReaddirPlus | wire::kReaddirPlusAuto | wire::kAsyncDirectIo | wire::kParallelDirops | wire::kAbortError |
    wire::kMaxPages | wire::kCacheSymlinks | wire::kHandleKillprivV2 | wire::kSetxattrExt | wire::kInitExt |
    wire::kDirectIoAllowMmap | wire::kNoExportSupport | wire::kHasExpireOnly | wire::kHasResend;

// Without these we would misread what follows.
constexpr std::uint64_t kNeeded = wire::kInitExt | wire::kSetxattrExt;

constexpr std::uint32_t kPageSize = 4096;
constexpr std::uint16_t kMaxBackground = 256;

// Backing files may lie on a stacked file system such as overlayfs (fs/fuse/inode.c: process_init_reply).
constexpr std::uint32_t kMaxStackDepth = 2;

std::uint64_t wanted_by(const SessionOptions& options) {
  std::uint64_t wanted = kWanted;
  const auto add = [&wanted](bool condition, std::uint64_t flags) { wanted |= condition ? flags : 0; };
  add(options.passthrough, wire::kPassthrough);
  add(options.over_io_uring, wire::kOverIoUring);
  add(options.posix_acl, wire::kPosixAcl);
  add(options.locks, wire::kPosixLocks | wire::kFlockLocks);
  add(!options.opens_files, wire::kNoOpenSupport);
  // An open that truncates is then two requests; with this flag the kernel would leave the second one out.
  if (!options.opens_files) wanted &= ~std::uint64_t{wire::kAtomicTruncate};
  add(!options.opens_directories, wire::kNoOpendirSupport);
  add(options.idmapped, wire::kAllowIdmap);
  add(options.creation_context, wire::kSecurityContext | wire::kCreateSupplementaryGroup);
  add(options.request_timeout != 0, wire::kRequestTimeout);
  return wanted;
}

}  // namespace

Result<InitReply> negotiate(const wire::InitIn& in, const SessionOptions& options) {
  InitReply reply;
  reply.out.major = wire::kMajor;
  reply.out.minor = wire::kMinor;
  if (in.major > wire::kMajor) {
    reply.asks_again = true;
    return reply;
  }
  if (in.major < wire::kMajor || in.minor < wire::kOldestMinor) return fail(static_cast<Errno>(EPROTO));

  const std::uint64_t offered = in.flags | (std::uint64_t{in.flags2} << 32);
  const std::uint64_t taken = offered & wanted_by(options);
  if ((taken & kNeeded) != kNeeded) return fail(static_cast<Errno>(EPROTO));

  reply.negotiated = {.minor = std::min(in.minor, wire::kMinor), .flags = taken};
  reply.out.minor = reply.negotiated.minor;
  reply.out.max_readahead = in.max_readahead;
  reply.out.flags = static_cast<std::uint32_t>(taken);
  reply.out.flags2 = static_cast<std::uint32_t>(taken >> 32);
  reply.out.max_background = kMaxBackground;
  reply.out.congestion_threshold = kMaxBackground / 4 * 3;
  reply.out.max_write = options.max_write;
  reply.out.time_gran = 1;
  reply.out.max_pages = static_cast<std::uint16_t>((options.max_write - 1) / kPageSize + 1);
  reply.out.max_stack_depth = (taken & wire::kPassthrough) != 0 ? kMaxStackDepth : 0;
  reply.out.request_timeout = options.request_timeout;
  return reply;
}

}  // namespace fusebox::dispatch
