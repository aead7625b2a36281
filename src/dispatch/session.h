// Serves one connection: reads requests from channels, has the tree answer them, sends the replies.
//
// Threads: any number of threads may serve(), each on a channel of its own.  A handler that awaits gives its thread
// back to the loop; its reply goes out from whichever thread ends it.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "dispatch/call.h"
#include "dispatch/in_flight.h"
#include "dispatch/negotiation.h"
#include "dispatch/notifications.h"
#include "door/channel.h"
#include "fusebox/executor.h"

namespace fusebox::dispatch {

class Session {
 public:
  Session(Ref<Node> root, SessionOptions options);
  ~Session();  // after end(), or as that
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Serves until the connection ends.
  void serve(door::Channel& channel);

  // Serves one request, or one notification of the kernel; false when the connection has ended.
  bool serve_one(door::Channel& channel);

  // After the connection has ended: cancels what still waits, and waits for it.  Channels outlive this.
  void end();

  const Tree& tree() const { return tree_; }
  Notifications& notifier() { return notifications_; }
  Executor& executor() { return executor_; }

  // How many requests of each kind came in, most frequent first; kinds that never came are left out.
  struct Count {
    std::string_view name;  // as in the kernel's header
    std::uint64_t requests;
  };
  std::vector<Count> counts() const;

  // All of them.
  std::uint64_t requests() const;

  // What INIT settled; zero before.
  Negotiated negotiated() const;

 private:
  struct Job;
  struct Detached;

  std::unique_ptr<Job> take_job();
  void finish(std::unique_ptr<Job> job);
  void dispatch(std::unique_ptr<Job> job, const wire::Message& message);
  static Detached run(Session& session, std::unique_ptr<Job> job, Task<> (*serve)(Call&));
  void answer(Job& job, Result<> result);
  void send(Job& job, Errno error, std::size_t payload);
  Result<> serve_itself(Call& call);
  Result<> init(Call& call);
  Result<> take_retrieved(Call& call);
  bool is_absent(wire::Opcode opcode) const;

  const SessionOptions options_;
  Executor executor_;
  Tree tree_;
  Notifications notifications_{tree_.inodes};
  InFlight in_flight_;
  std::array<std::atomic<std::uint64_t>, wire::kOpcodeCount + 1> requests_{};  // by opcode; the last: unknown ones

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable idle_;
  std::vector<std::unique_ptr<Job>> free_jobs_;
  std::size_t busy_jobs_ = 0;
  Negotiated negotiated_;
};

}  // namespace fusebox::dispatch
