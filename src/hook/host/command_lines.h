// The words that processes were started with, as /proc tells them.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>

#include "fusebox/fd.h"

namespace fusebox::hook {

// What is kept from one question to the next is how to ask, and never an answer: a process may execute another program
// at any time, and not be noticed.  Not thread-safe.
class CommandLines {
 public:
  // With a NUL behind each word; empty where the process is gone or does not tell.  Good until the next call.
  std::string_view of(pid_t pid);

 private:
  static constexpr std::size_t kMostFiles = 128;

  std::string_view read(const Fd& file);

  std::map<pid_t, Fd> files_;  // once the process has ended, nothing can be read from its
  std::string buffer_ = std::string(16384, '\0');
};

}  // namespace fusebox::hook
