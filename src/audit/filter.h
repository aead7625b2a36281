// Which lines of a log someone wants to see.
#pragma once

#include <string>

#include "audit/record.h"

namespace fusebox::audit {

// All that are set must hold.
struct Filter {
  bool denied = false;
  bool written = false;   // changes that were made; with `denied`: changes that were denied
  std::string path{};     // pattern of fnmatch(3), in which '*' matches '/' too; also what lies below a match
  std::string process{};  // name of the executable, or its whole path

  bool matches(const Record& record) const;
};

}  // namespace fusebox::audit
