// Who asks, and whether they still want to know.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <stop_token>

namespace fusebox {

struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t tid = 0;  // the thread, as the server's pid namespace numbers it; 0 where it has no number there, or for the
                  // kernel's own requests
};

// Tells when the caller gave up; implemented by the dispatcher.
class CancellationSource {
 public:
  virtual std::stop_token token() = 0;

 protected:
  ~CancellationSource() = default;
};

struct Request {
  Caller caller;
  std::uint64_t unique = 0;  // the kernel's number of this request
  CancellationSource* cancellation = nullptr;

  // Stops when the caller got a signal and no longer waits (FUSE_INTERRUPT).  For handlers that wait; costs nothing
  // where it is not asked for.  After a stop, end with Errno::interrupted.
  std::stop_token cancelled() const { return cancellation != nullptr ? cancellation->token() : std::stop_token(); }
};

}  // namespace fusebox
