#include "cli/command.h"

#include <cstdio>
#include <string>

namespace fusebox::cli {

int report(const Fault& fault) {
  // In one piece: other processes may write to the same terminal.
  const std::string line = "fusebox: " + fault.line() + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return static_cast<int>(fault.code);
}

}  // namespace fusebox::cli
