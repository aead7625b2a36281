// The supervisor's side of rules that act: hands events on to those who act on them, and knows what became of each.
//
// Nothing here waits for a program or a server: a thread of its own speaks with the processes that do, and what they
// have not done yet is counted.  Beyond a bound an event is not handed on, but reported as not done.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "action/channel.h"
#include "audit/acting_sink.h"
#include "base/helper.h"
#include "policy/acting_rule.h"

namespace fusebox::action {

struct ActionsOptions {
  // For all that is under way when the command has ended, servers too.  None: see wait_after().
  std::optional<std::chrono::milliseconds> wait_at_end{};
};

// How long is waited where nobody has said it, when the command took so long: for programs a while, for a server a
// hundredth of that.
End wait_after(std::chrono::milliseconds run_time);

class Actions final : public audit::ActingSink {
 public:
  static constexpr std::size_t kMostWaiting = 4096;  // for each process that acts

  // Who acts on which of the rules, by their bits.
  struct Agent {
    Helper helper;
    std::uint64_t rules = 0;
  };

  Actions(std::vector<policy::ActingRule> rules, std::vector<Agent> agents, ActionsOptions options);
  ~Actions() override;

  void add(const audit::Event& event, std::uint64_t seq, std::string_view line) override;
  std::vector<audit::Undelivered> take_undelivered() override;
  std::uint64_t finish() override;

 private:
  struct Waiting {
    std::string op;
    std::string path;
  };
  struct Post {
    Agent agent;
    std::deque<std::string> unsent{};
    std::map<std::pair<std::uint64_t, std::size_t>, Waiting> waiting{};  // by event and rule
    bool is_closed = false;
  };

  void hand_on(Post& post, std::size_t rule, const audit::Event& event, std::uint64_t seq, std::string_view line);
  void not_done(std::size_t rule, std::uint64_t event, Waiting what, std::string why);
  void work();
  bool exchange(Post& post);
  void close(Post& post, const std::string& why);
  void wake() const;
  void stop();
  bool is_all_done() const;

  const std::vector<policy::ActingRule> rules_;
  const ActionsOptions options_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  const Fd wake_;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::vector<Post> posts_;
  std::vector<audit::Undelivered> undelivered_;
  std::uint64_t delivered_ = 0;
  bool stopped_ = false;
  Receiver receiver_;
  std::thread thread_;  // from the first event on
};

}  // namespace fusebox::action
