// Calls that a filter gives to whoever holds its descriptor (ActionKind::notify), and that descriptor's way there.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

#include "fusebox/result.h"
#include "seccomp/profile.h"

namespace fusebox::seccomp {

// A call that waits for its answer.
struct NotifiedCall {
  std::uint64_t id = 0;
  pid_t pid = 0;
  int number = 0;
  std::array<std::uint64_t, kArguments> arguments{};
};

struct Answer {
  bool goes_on = false;    // the kernel does the call; what its caller's memory says by then, nobody knows
  std::int64_t value = 0;  // else: what it returns
  int error = 0;           // an errno, above 0: what it fails with
};

// Waits for the next one.  Nothing: nobody is left who could make one.
Result<std::optional<NotifiedCall>> receive_call(int listener);

// Whether it still waits: its caller may have been killed, and its pid be another's.
bool still_waits(int listener, std::uint64_t id);

// Errno::no_entry: it waits no more.
Result<> answer_call(int listener, std::uint64_t id, const Answer& answer);

}  // namespace fusebox::seccomp
