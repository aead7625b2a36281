// FIFOs and sockets of the host in a box: mounted over their mirrored names, where the policy lets these be written.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "box/box.h"
#include "fusebox/outside_objects.h"
#include "policy/policy.h"

namespace fusebox::cli {

class BoundObjects final : public OutsideObjects {
 public:
  // Both outlive it; the child, until stop().  Starts a thread.
  // `directory`: where the command starts; its init goes there when the root is in place.
  BoundObjects(const policy::Policy& policy, box::Child& child, std::string directory);
  ~BoundObjects() override { stop(); }

  // From here on nothing is mounted; waits for what is at work.
  void stop();

  // In a directory that may be written, or for which a rule lets one of its names be written.
  bool may_be_in(const std::string& directory) override;
  bool may_show(const std::string& path) override;
  bool must_not_wait(pid_t tid, const std::string& directory) override;
  bool resume_elsewhere(std::coroutine_handle<> coroutine) override;
  bool show(int fd, const std::string& path) override;
  void begin_to_show(int fd, const std::string& path) override;
  bool removes_a_name(pid_t tid) override;
  void withdraw(const std::string& path) override;

 private:
  void work();
  bool is_stopped();

  const policy::Policy& policy_;
  box::Child& child_;
  const std::string directory_;
  std::set<std::string, std::less<>> directories_of_rules_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::coroutine_handle<>> waiting_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace fusebox::cli
