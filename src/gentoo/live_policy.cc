// Lock order: none; no lock is held across a system call or another one.
#include "gentoo/live_policy.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "gentoo/process_state.h"

namespace fusebox::gentoo {
namespace {

// A list may name what becomes a symlink later; a new process then gets new forms of it.
constexpr std::int64_t kCompiledIsGoodFor = 1000;
constexpr std::size_t kMostCompiled = 1024;

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return time.tv_sec * std::int64_t{1000} + time.tv_nsec / 1'000'000;
}

std::string key_of(const Settings& settings) {
  std::string key(settings.on ? "1" : "0");
  for (const std::string* list : {&settings.deny, &settings.read, &settings.write, &settings.predict}) {
    key += '\0';
    key += *list;
  }
  return key;
}

}  // namespace

LivePolicy::LivePolicy(audit::ProcessTable& processes, LiveOptions options, Fd proc)
    : processes_(processes), options_(std::move(options)), proc_(std::move(proc)) {}

Outcome<std::unique_ptr<LivePolicy>> LivePolicy::create(audit::ProcessTable& processes, LiveOptions options) {
  Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return std::unexpected(fault_with_errno("/proc"));
  return std::unique_ptr<LivePolicy>(new LivePolicy(processes, std::move(options), std::move(proc)));
}

guard::Ruling LivePolicy::for_caller(const Caller& caller) {
  if (caller.tid == 0) return ruling_of(options_.initial);
  const std::shared_ptr<const audit::Process> process = processes_.find(caller.tid);
  {
    Shard& shard = shard_of(process->pid);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.processes.find(process->pid);
    if (found != shard.processes.end() && found->second.image == process->id) return found->second.ruling;
  }
  return learn(*process);
}

std::optional<LivePolicy::Known> LivePolicy::find(pid_t pid) {
  Shard& shard = shard_of(pid);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.processes.find(pid);
  return found == shard.processes.end() ? std::nullopt : std::optional(found->second);
}

// Of a process image that has not asked before.
guard::Ruling LivePolicy::learn(const audit::Process& process) {
  if (process.start_time == 0) return ruling_of(options_.initial);  // it is gone
  Known known{.image = process.id,
              .start_time = process.start_time,
              .start_stack = process.start_stack,
              .settings = options_.initial,
              .ruling = {}};
  const auto is_this_image = [&](const Known& other) {
    return process.start_stack != 0 && other.start_stack == process.start_stack;
  };
  bool has_changed_image = true;
  const std::optional<Known> before = find(process.pid);
  if (before && before->start_time == process.start_time) {
    known.settings = before->settings;
    has_changed_image = !is_this_image(*before);
  } else if (const std::optional<Known> parent = find(process.parent)) {
    known.settings = parent->settings;
    has_changed_image = !is_this_image(*parent);
  }
  if (has_changed_image) apply_all(known.settings, environment_of(proc_, process.pid));
  known.ruling = ruling_of(known.settings);
  guard::Ruling ruling = known.ruling;
  keep(process.pid, std::move(known));
  return ruling;
}

void LivePolicy::keep(pid_t pid, Known known) {
  Shard& shard = shard_of(pid);
  bool is_full = false;
  {
    const std::lock_guard lock(shard.mutex);
    shard.processes.insert_or_assign(pid, std::move(known));
    is_full = shard.processes.size() >= shard.next_sweep;
  }
  if (is_full) sweep(shard);
}

// Forgets who is gone.  Nobody else: a shell may wait for hours before it asks again, and what it told is not told
// twice.
void LivePolicy::sweep(Shard& shard) {
  std::vector<std::pair<pid_t, std::uint64_t>> all;
  {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [pid, known] : shard.processes) all.emplace_back(pid, known.start_time);
  }
  std::erase_if(all, [&](const auto& process) { return start_time_of(proc_, process.first) == process.second; });
  const std::lock_guard lock(shard.mutex);
  for (const auto& [pid, start_time] : all) {
    const auto found = shard.processes.find(pid);
    if (found != shard.processes.end() && found->second.start_time == start_time) shard.processes.erase(found);
  }
  shard.next_sweep = 1024 + 2 * shard.processes.size();
}

Result<> LivePolicy::tell(const Caller& caller, std::string_view name, std::span<const std::byte> value) {
  if (name == kTellRefused) return {};
  if (name != kReport || caller.tid == 0) return fail(Errno::not_supported);
  (void)for_caller(caller);  // so that it is known
  const std::shared_ptr<const audit::Process> process = processes_.find(caller.tid);
  std::optional<Known> known = find(process->pid);
  if (!known || known->image != process->id) return fail(Errno::no_such_process);
  apply_all(known->settings, {reinterpret_cast<const char*>(value.data()), value.size()});
  known->ruling = ruling_of(known->settings);
  keep(process->pid, *std::move(known));
  return {};
}

// Equal settings have equal generations, so that processes which share them share what nodes remember.
guard::Ruling LivePolicy::ruling_of(const Settings& settings) {
  const std::string key = key_of(settings);
  const std::int64_t time = now();
  {
    const std::lock_guard lock(compiled_mutex_);
    const auto found = compiled_.find(key);
    if (found != compiled_.end() && time < found->second.made + kCompiledIsGoodFor) return found->second.ruling;
  }
  auto policy = std::make_shared<const policy::Policy>(policy_of(settings, options_.forms, options_.ceiling));
  const std::lock_guard lock(compiled_mutex_);
  if (compiled_.size() >= kMostCompiled) compiled_.clear();
  Compiled& compiled = compiled_[key];
  compiled.made = time;
  // The forms of its paths are what they were: then so are all decisions.
  if (!compiled.ruling.policy || compiled.ruling.policy->rules() != policy->rules()) {
    compiled.ruling = {.policy = std::move(policy), .generation = next_generation_++};
  }
  return compiled.ruling;
}

}  // namespace fusebox::gentoo
