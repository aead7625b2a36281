// What a person reads when Fusebox itself cannot go on: one line that says what failed, on what, why, and what to do.
//
// Errno (result.h) is for callers of the file system; Fault is for start-up, the command line, and configuration.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#pragma GCC visibility push(default)
namespace fusebox {

// Exit statuses of `fusebox` itself, as in env(1) and container tools.
enum class ExitCode : int { violations = 1, usage = 2, failed = 125, cannot_execute = 126, not_found = 127 };

struct Fault {
  std::string what;    // "policy.toml:3:7: unknown key 'raed'", "open /var/log/x"
  std::string why;     // "Permission denied"; may be empty
  std::string remedy;  // "did you mean 'read'?"; may be empty
  ExitCode code = ExitCode::failed;

  // "what: why (remedy)", without line breaks or control characters, whatever the parts hold.
  std::string line() const;
};

// A Fault with errno's text as the reason.
Fault fault_with_errno(std::string what, std::string remedy = {});

template <class T = void>
using Outcome = std::expected<T, Fault>;

// Printable form of bytes that people see: control characters and invalid UTF-8 become \xNN.
std::string printable(std::string_view bytes);

}  // namespace fusebox
#pragma GCC visibility pop
