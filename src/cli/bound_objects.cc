#include "cli/bound_objects.h"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace fusebox::cli {
namespace {

// A mount takes some requests of a walk.  One that waits for longer meets somebody who holds its directory and waits
// for us; it is made when he has got his answer.
constexpr std::chrono::milliseconds kPatience{500};
// For the mounter to come to where it has to wait.
constexpr std::chrono::milliseconds kUnderWay{5};

// Architectures that came late have the newer calls alone.
constexpr auto kRemovals = std::to_array<long>({
#ifdef SYS_unlink
    SYS_unlink,
    SYS_rename,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
    SYS_unlinkat,
    SYS_renameat2,
});

bool may_write(const policy::Policy& policy, const std::string& path) {
  return policy.decide(path, policy::Want::write).verdict == policy::Verdict::allow;
}

}  // namespace

BoundObjects::BoundObjects(const policy::Policy& policy, box::Child& child, std::string directory)
    : policy_(policy), child_(child), directory_(std::move(directory)) {
  for (const policy::Rule& rule : policy.rules()) {
    const std::size_t slash = rule.pattern.rfind('/');
    if (rule.kind != policy::RuleKind::write || slash == std::string::npos) continue;
    directories_of_rules_.insert(slash == 0 ? "/" : rule.pattern.substr(0, slash));
  }
  thread_ = std::thread([this] { work(); });
}

void BoundObjects::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BoundObjects::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::coroutine_handle<> next = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    next.resume();
    lock.lock();
  }
}

bool BoundObjects::may_be_in(const std::string& directory) {
  return directories_of_rules_.contains(directory) || may_write(policy_, directory);
}

bool BoundObjects::may_show(const std::string& path) { return may_write(policy_, path); }

// The init asks while there is no root yet to mount in, but for its last step.
bool BoundObjects::must_not_wait(pid_t tid, const std::string& directory) {
  return tid == child_.mounter_pid() || (tid == child_.pid() && directory != directory_);
}

bool BoundObjects::resume_elsewhere(std::coroutine_handle<> coroutine) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
    waiting_.push_back(coroutine);
  }
  changed_.notify_all();
  return true;
}

bool BoundObjects::is_stopped() {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

bool BoundObjects::removes_a_name(pid_t tid) {
  const std::optional<long> call = box::system_call_of(tid);
  return call && std::ranges::find(kRemovals, *call) != kRemovals.end();
}

void BoundObjects::withdraw(const std::string& path) {
  // Where it fails, the kernel refuses the removal: EBUSY.
  if (!is_stopped()) (void)child_.unbind(path, kPatience);
}

void BoundObjects::begin_to_show(int fd, const std::string& path) {
  if (is_stopped()) return;
  Outcome<Fd> mount = box::clone_file(fd);
  if (mount) (void)child_.bind(*std::move(mount), path, kUnderWay);
}

bool BoundObjects::show(int fd, const std::string& path) {
  if (is_stopped()) return false;
  Outcome<Fd> mount = box::clone_file(fd);
  return mount && child_.bind(*std::move(mount), path, kPatience).has_value();
}

}  // namespace fusebox::cli
