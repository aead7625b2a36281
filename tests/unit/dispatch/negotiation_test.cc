#include "dispatch/negotiation.h"

#include <gtest/gtest.h>

namespace fusebox::dispatch {
namespace {

constexpr Errno kProtocol{EPROTO};

wire::InitIn offer(std::uint64_t flags, std::uint32_t minor = 45, std::uint32_t major = 7) {
  return {.major = major,
          .minor = minor,
          .max_readahead = 0x20000,
          .flags = static_cast<std::uint32_t>(flags),
          .flags2 = static_cast<std::uint32_t>(flags >> 32),
          .unused = {}};
}

constexpr std::uint64_t kLinux618 = 0x7fd73fffffb;  // what 6.18 offers

std::uint64_t flags_of(const wire::InitOut& out) { return out.flags | (std::uint64_t{out.flags2} << 32); }

TEST(Negotiation, TakesASubsetOfWhatIsOffered) {
  const Result<InitReply> reply = negotiate(offer(kLinux618), {});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->out.major, 7u);
  EXPECT_EQ(reply->out.minor, 45u);
  EXPECT_EQ(reply->out.max_readahead, 0x20000u);
  EXPECT_EQ(reply->out.time_gran, 1u);
  EXPECT_EQ(flags_of(reply->out) & ~kLinux618, 0u);
  EXPECT_EQ(flags_of(reply->out), reply->negotiated.flags);
  EXPECT_FALSE(reply->asks_again);
}

TEST(Negotiation, TakesNothingThatIsNotOffered) {
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t offered = (1ull << bit) | wire::kInitExt | wire::kSetxattrExt;
    const Result<InitReply> reply = negotiate(offer(offered), {.passthrough = true});
    ASSERT_TRUE(reply) << bit;
    EXPECT_EQ(flags_of(reply->out) & ~offered, 0u) << bit;
  }
}

TEST(Negotiation, TakesWhatAMirrorNeeds) {
  const Negotiated taken = negotiate(offer(kLinux618), {})->negotiated;
  for (const wire::InitFlag flag :
       {wire::kAtomicTruncate, wire::kDontMask, wire::kReaddirPlus, wire::kAutoInvalidateData, wire::kParallelDirops,
        wire::kMaxPages, wire::kInitExt, wire::kSetxattrExt, wire::kAbortError, wire::kPosixAcl}) {
    EXPECT_TRUE(taken.has(flag)) << flag;
  }
}

TEST(Negotiation, LeavesWhatItDoesNotServe) {
  const std::uint64_t taken = negotiate(offer(kLinux618), {.passthrough = true})->negotiated.flags;
  for (const int bit : {1, 10, 16, 17, 24, 30 + 11, 32}) {  // locks, writeback, no-open, no-opendir, ring, security
    EXPECT_EQ(taken & (1ull << bit), 0u) << bit;
  }
}

TEST(Negotiation, PassthroughIsTakenOnlyWhereAskedFor) {
  EXPECT_FALSE(negotiate(offer(kLinux618), {})->negotiated.has(wire::kPassthrough));
  EXPECT_EQ(negotiate(offer(kLinux618), {})->out.max_stack_depth, 0u);
  const Result<InitReply> reply = negotiate(offer(kLinux618), {.passthrough = true});
  EXPECT_TRUE(reply->negotiated.has(wire::kPassthrough));
  EXPECT_GT(reply->out.max_stack_depth, 0u);
  EXPECT_FALSE(negotiate(offer(kLinux618), {.posix_acl = false})->negotiated.has(wire::kPosixAcl));
}

// What is asked for by an option, and by nothing else.
struct OptionalFlags {
  const char* name;
  SessionOptions options;
  std::uint64_t flags;
  std::uint64_t not_taken = 0;  // of those that are taken otherwise
};

const OptionalFlags kOptionalFlags[] = {
    {"rings", {.over_io_uring = true}, wire::kOverIoUring},
    {"locks", {.locks = true}, wire::kPosixLocks | wire::kFlockLocks},
    // Nobody opens, so nobody would truncate.
    {"no open", {.opens_files = false}, wire::kNoOpenSupport, wire::kAtomicTruncate},
    {"no opendir", {.opens_directories = false}, wire::kNoOpendirSupport},
    {"idmapped", {.idmapped = true}, wire::kAllowIdmap},
    {"contexts", {.creation_context = true}, wire::kSecurityContext | wire::kCreateSupplementaryGroup},
    {"timeout", {.request_timeout = 60}, wire::kRequestTimeout},
};

TEST(Negotiation, SomeFlagsAreTakenByOptionOnly) {
  const std::uint64_t all = negotiate(offer(kLinux618), {})->negotiated.flags;
  for (const OptionalFlags& row : kOptionalFlags) {
    const std::uint64_t usual = all & ~row.not_taken;
    EXPECT_EQ(usual & row.flags, 0u) << row.name;
    const Result<InitReply> reply = negotiate(offer(kLinux618), row.options);
    ASSERT_TRUE(reply) << row.name;
    EXPECT_EQ(reply->negotiated.flags, usual | row.flags) << row.name;
    EXPECT_EQ(flags_of(reply->out), usual | row.flags) << row.name;
    EXPECT_EQ(negotiate(offer(kLinux618 & ~row.flags), row.options)->negotiated.flags, usual) << row.name;
  }
}

TEST(Negotiation, TheTimeoutOfRequestsIsInSeconds) {
  EXPECT_EQ(negotiate(offer(kLinux618), {})->out.request_timeout, 0u);
  EXPECT_EQ(negotiate(offer(kLinux618), {.request_timeout = 65535})->out.request_timeout, 65535u);
}

TEST(Negotiation, AnOlderMinorIsUsed) {
  const Result<InitReply> reply = negotiate(offer(kLinux618, 38), {});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->out.minor, 38u);
  EXPECT_EQ(reply->negotiated.minor, 38u);
}

TEST(Negotiation, ANewerMinorGetsOurs) { EXPECT_EQ(negotiate(offer(kLinux618, 99), {})->out.minor, 45u); }

TEST(Negotiation, AProtocolBefore736IsRefused) {
  EXPECT_TRUE(negotiate(offer(kLinux618, 36), {}));
  EXPECT_EQ(negotiate(offer(kLinux618, 35), {}).error(), kProtocol);
  EXPECT_EQ(negotiate(offer(kLinux618, 45, 6), {}).error(), kProtocol);
}

TEST(Negotiation, ALaterMajorIsAskedForASecondInit) {
  const Result<InitReply> reply = negotiate(offer(kLinux618, 0, 8), {});
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->asks_again);
  EXPECT_EQ(reply->out.major, 7u);
  EXPECT_EQ(reply->out.flags, 0u);
}

TEST(Negotiation, AKernelWithoutTheExtensionsIsRefused) {
  EXPECT_EQ(negotiate(offer(kLinux618 & ~std::uint64_t{wire::kInitExt}), {}).error(), kProtocol);
  EXPECT_EQ(negotiate(offer(kLinux618 & ~std::uint64_t{wire::kSetxattrExt}), {}).error(), kProtocol);
}

TEST(Negotiation, TheLargestWriteSetsThePages) {
  for (const std::uint32_t size : {4096u, 8192u, 1u << 20}) {
    const Result<InitReply> reply = negotiate(offer(kLinux618), {.max_write = size});
    EXPECT_EQ(reply->out.max_write, size);
    EXPECT_EQ(reply->out.max_pages, size / 4096);
  }
}

}  // namespace
}  // namespace fusebox::dispatch
