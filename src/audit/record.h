// A line of the log, read back: what `fusebox log` shows and filters.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::audit {

// Words are kept as they are, for a later Fusebox may know more of them.  What a line leaves out is empty or 0.
struct Record {
  double time = 0;  // seconds since 1970; good to a microsecond
  std::uint64_t seq = 0;
  pid_t pid = 0;
  pid_t tid = 0;
  uid_t uid = 0;
  std::string exe;  // the exact bytes, as path and to
  std::string op;
  std::string path;
  std::string to;
  std::vector<std::string> flags;
  std::string verdict;
  std::string rule;
  std::string error;  // the errno's name
  std::optional<std::uint64_t> bytes;
  std::string why;  // of what was not done
};

// `line` without its '\n'.  Any bytes: what is no line of a log is an error, in words for people.  `t`, `op` and
// `verdict` must be there; members that it does not know are passed over.
std::expected<Record, std::string> parse_line(std::string_view line);

}  // namespace fusebox::audit
