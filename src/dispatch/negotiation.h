// INIT: what the kernel offers, what we take of it.
#pragma once

#include "fusebox/result.h"
#include "wire/abi.h"

namespace fusebox::dispatch {

// What a server asks for; it gets what the kernel offers of it.
struct SessionOptions {
  bool passthrough = false;         // the door can register backing files
  bool over_io_uring = false;       // there are rings, which are registered as soon as INIT is answered
  bool posix_acl = true;            // the kernel checks ACLs; implies that it checks permissions (default_permissions)
  bool locks = false;               // fcntl(2) and flock(2) locks come to the handles; else the kernel keeps them
  bool opens_files = true;          // false: OPEN is answered once, with ENOSYS, and never comes again
  bool opens_directories = true;    // likewise OPENDIR
  bool extended_attributes = true;  // likewise all that has to do with them
  bool idmapped = false;            // the mount may be given an id mapping (needs the kernel's permission checks)
  bool creation_context = false;    // security contexts and supplementary groups come with what makes something
  std::uint16_t request_timeout = 0;   // seconds; the kernel aborts the connection over an older request.  0: never
  std::uint32_t max_write = 1u << 20;  // bytes in one READ or WRITE, a multiple of the page size
};

struct Negotiated {
  std::uint32_t minor = 0;
  std::uint64_t flags = 0;
  bool has(wire::InitFlag flag) const { return (flags & flag) != 0; }
};

// Size of the buffer that holds any request: the largest write and whatever comes with it.
constexpr std::size_t request_buffer_size(const SessionOptions& options) { return options.max_write + 8192; }

struct InitReply {
  wire::InitOut out{};
  Negotiated negotiated;
  bool asks_again = false;  // the kernel is of a later major: it sends a second INIT
};

// EPROTO: this kernel speaks an older protocol than we can serve (before 7.36, Linux 5.17).
Result<InitReply> negotiate(const wire::InitIn& in, const SessionOptions& options);

}  // namespace fusebox::dispatch
