// What the supervisor, the box's init, the mounter and a command before its exec tell each other.
//
// One message is one datagram of a SOCK_SEQPACKET pair, so it arrives whole or not at all. Both ends are this program:
// the boxed command never holds one.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox::box {

enum class Kind : std::uint32_t {
  here,           // init to supervisor, first of all: `fd` is its mount namespace
  enter,          // supervisor to init: `fd` is the root; `number` 1: the command gets the terminal
  entered,        // init to supervisor: the command was executed
  fault,          // to the supervisor, or from a command before its exec: see fault_message()
  signal,         // supervisor to init: send signal `number` to the command; `detail` 1: to its process group
  give_terminal,  // supervisor to init: make the command's process group the foreground one and continue it
  stopped,        // init to supervisor: the command was stopped by signal `number`
  ended,          // init to supervisor: the command ended; `number` is its status as of wait(2)
  bind,           // supervisor to mounter: mount `fd` over the path `text`
  unbind,         // supervisor to mounter: take off what is mounted on the path `text`
  done,           // mounter to supervisor: the request `sequence` ended with errno `number` (0: it worked)
};

struct Message {
  Kind kind = Kind::fault;
  std::int32_t number = 0;
  std::int32_t detail = 0;
  std::uint32_t sequence = 0;
  std::string text;
  Fd fd;
};

// Both ends of a new pair, close-on-exec.
Result<std::pair<Fd, Fd>> message_pair();

// Sends. A closed peer is EPIPE, never a signal; a full channel makes it wait, unless O_NONBLOCK is set: EAGAIN.
Result<> send_message(int socket, const Message& message);

// Waits for the next message. The peer's end closed: Errno::no_data. Bytes that are no message: Errno::io.
Result<Message> receive_message(int socket);

// A Fault as a message, and back. Long parts are cut.
Message fault_message(const Fault& fault);
Fault fault_of(const Message& message);

}  // namespace fusebox::box
