// A descriptor that goes with a message over a socket (SCM_RIGHTS).
#pragma once

#include <sys/socket.h>

#include <array>

#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox {

// Room for the one descriptor that goes with a message, in the shape of sendmsg(2) and recvmsg(2).
class DescriptorRoom {
 public:
  // Both refer to this object, which must outlive the call.
  void attach(msghdr& message, int descriptor);
  void offer(msghdr& message);

  // What came with a message that was received; nothing: none, or more than one.
  static Fd taken(const msghdr& message);

 private:
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes_{};
};

// sendmsg(2) and recvmsg(2), again where a signal came in between.  A closed peer is EPIPE, never a signal; what is
// received is close-on-exec.
Result<> send_packet(int socket, const msghdr& message);
Result<std::size_t> receive_packet(int socket, msghdr& message);

// A descriptor alone, with one byte: to a stream a message without any is none.
Result<> send_descriptor(int socket, int descriptor);

// Waits for it.  The peer's end closed: ENOTCONN.  A message without one: EBADMSG.
Result<Fd> receive_descriptor(int socket);

}  // namespace fusebox
