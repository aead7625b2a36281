// The policy of each process by its SANDBOX_ variables, while it runs.
//
// What a process was started with stands in /proc/PID/environ.  What it has changed since only it knows: the preloaded
// reporter (src/reporter) tells it.  A process that has no such variable keeps what held before: its own from before
// the exec, or its parent's.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "audit/process_table.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "gentoo/settings.h"
#include "guard/policy_source.h"

namespace fusebox::gentoo {

// The name of the attribute by which the reporter tells: SANDBOX_ variables that are set, with a NUL behind each.
inline constexpr std::string_view kReport = "system.fusebox.sandbox";

struct LiveOptions {
  Settings initial;  // of who is not known otherwise
  PathForms forms{};
  std::optional<std::vector<std::string>> ceiling{};  // absolute prefixes: all that may ever be written
};

// Any thread.
class LivePolicy final : public guard::PolicySource {
 public:
  // `processes` outlives it.  Opens /proc.
  static Outcome<std::unique_ptr<LivePolicy>> create(audit::ProcessTable& processes, LiveOptions options);

  guard::Ruling for_caller(const Caller& caller) override;

  // ENOTSUP for any other name.  A caller speaks for its own process alone.
  Result<> tell(const Caller& caller, std::string_view name, std::span<const std::byte> value) override;

 private:
  // What is known of a process.
  struct Known {
    std::uint64_t image = 0;  // audit::Process::id
    std::uint64_t start_time = 0;
    std::uint64_t start_stack = 0;  // the same in a fork, another one behind an exec; 0: not known
    Settings settings;
    guard::Ruling ruling;
  };
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<pid_t, Known> processes;
    std::size_t next_sweep = 1024;
  };
  struct Compiled {
    guard::Ruling ruling;
    std::int64_t made = 0;  // ms
  };

  LivePolicy(audit::ProcessTable& processes, LiveOptions options, Fd proc);

  Shard& shard_of(pid_t pid) { return shards_[static_cast<unsigned>(pid) % shards_.size()]; }
  std::optional<Known> find(pid_t pid);
  guard::Ruling learn(const audit::Process& process);
  void keep(pid_t pid, Known known);
  void sweep(Shard& shard);
  guard::Ruling ruling_of(const Settings& settings);

  audit::ProcessTable& processes_;
  const LiveOptions options_;
  const Fd proc_;
  std::array<Shard, 16> shards_;

  std::mutex compiled_mutex_;  // guards what follows
  std::unordered_map<std::string, Compiled> compiled_;
  std::uint64_t next_generation_ = 1;
};

}  // namespace fusebox::gentoo
