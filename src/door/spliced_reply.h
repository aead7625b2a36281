// A reply whose payload goes from a file to the kernel without passing through our memory (splice(2)).
#pragma once

#include <cstddef>
#include <cstdint>

#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox::door {

// One thread.  Keeps two pipes, made when they are first needed: how long the payload is must be known before the
// header is sent, so it waits in a pipe of its own.
class SplicedReply {
 public:
  // As Channel::send_from_file.
  Result<> send(int device, std::uint64_t unique, int fd, std::uint64_t offset, std::size_t size);

 private:
  struct Pipe {
    Fd from;
    Fd into;
  };

  static Result<Pipe> make_pipe();
  bool prepare();
  Result<std::size_t> fill(int fd, std::uint64_t offset, std::size_t size);
  bool join(std::size_t length);

  Pipe payload_;
  Pipe reply_;
  bool impossible_ = false;
};

}  // namespace fusebox::door
