// A script's file system as a directory of a box: `fusebox run --script MOUNTPOINT=FILE.rb`.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "fusebox/fault.h"
#include "store/host_store.h"

namespace fusebox::cli {

// The processes in which scripts run, one for each.  They end with the boxes' supervisor, or before.
class ScriptHosts {
 public:
  ScriptHosts() = default;
  ~ScriptHosts();
  ScriptHosts(const ScriptHosts&) = delete;
  ScriptHosts& operator=(const ScriptHosts&) = delete;

  // `wanted`: MOUNTPOINT=FILE.  Gives the root of what the script serves, mounted nowhere.  For a process with one
  // thread.
  Outcome<Graft> start(const std::string& wanted);

 private:
  std::vector<pid_t> hosts_;
};

}  // namespace fusebox::cli
