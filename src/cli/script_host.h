// The process that `fusebox script` serves a file system from, and the one that watches it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace fusebox::cli {

struct ScriptOptions {
  std::string file;
  std::string mount_point;   // the positional argument
  std::string mount_option;  // --mount
  std::vector<std::string> arguments;
  std::optional<double> hook_timeout;  // seconds
  int memory = 512;                    // MiB
  bool debug = false;
  int hand_over = -1;  // a socket to which the mount is sent instead (script_graft.h)
};

// The exit status.
int run_script(const ScriptOptions& options);

}  // namespace fusebox::cli
