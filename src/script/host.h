// Runs a script and, where it says FUSE.run, serves its file system: the whole of the process that does so.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "fusebox/mount.h"
#include "ruby/engine.h"
#include "script/ending.h"
#include "script/script.h"

namespace fusebox::script {

struct HostOptions {
  std::string file;
  std::vector<std::string> arguments;                    // ARGV
  std::string mount_point;                               // empty: FUSE.path
  std::optional<std::chrono::nanoseconds> hook_limit{};  // before FUSE.hook_timeout
  std::size_t memory_limit = std::size_t{512} << 20;     // bytes
  Transport transport = Transport::automatic;
  bool debug = false;
  std::function<void(const std::string& line)> tell;  // any thread
  // It is shown.  The path is absolute; `background`: the script wants that its caller goes on (FUSE.daemonize).
  std::function<void(const std::string& path, bool background)> mounted = {};
  Fd hand_over = {};  // a socket: the mount is sent there (SCM_RIGHTS) instead of being shown at a path
};

class Host {
 public:
  explicit Host(HostOptions options);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // The exit status.  May end the process instead, with that status: where a hook does not return, there is nothing to
  // come back to.
  int run();

  // For the methods of FUSE.
  static Host& of(mrb_state* mrb);
  // Nothing: it was served until it was unmounted.
  Outcome<> serve(const Settings& settings);
  std::optional<int> asked_status() const { return ending_.status(); }
  bool notify(const std::string& path);
  const HostOptions& options() const { return options_; }

 private:
  int status_of(const ruby::Raised& raised);
  Outcome<std::string> show(Mount& mount, const Settings& settings);
  void wait(Mount& mount, const std::string& shown_at);

  const HostOptions options_;
  std::unique_ptr<ruby::Engine> engine_;
  Ending ending_;
  std::unique_ptr<Script> script_;
  Mount* mount_ = nullptr;  // while it is served
};

}  // namespace fusebox::script
