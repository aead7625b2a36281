// What an access wants, and what it gets.
#pragma once

#include <cstdint>
#include <string_view>

namespace fusebox::policy {

// What an access wants to do to one path.
enum class Want : std::uint8_t {
  stat,   // learn that it exists, and its attributes; follow it if it is a symlink; walk through it
  read,   // open for reading, execute, list, read extended attributes
  write,  // anything that changes the file or the directory entry of that name
};

enum class Verdict : std::uint8_t {
  allow,
  deny,     // EACCES, and a violation
  predict,  // EACCES, no violation
  hide,     // ENOENT, not listed
  discard,  // it happens, but in the box only
};

std::string_view to_string(Verdict verdict);
std::string_view to_string(Want want);

}  // namespace fusebox::policy
