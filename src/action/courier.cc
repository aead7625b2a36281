#include "action/courier.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "action/channel.h"
#include "action/program.h"
#include "action/retry_queue.h"
#include "action/webhooks.h"

namespace fusebox::action {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kProgramsAtOnce = 2;  // of one rule
constexpr std::size_t kPostsAtOnce = 8;
constexpr milliseconds kLongestSleep{60000};
// Whoever kept an event waiting for so long when the command ended is not waited for.
constexpr milliseconds kBehind{1000};

struct Running {
  Program program;
  Delivery delivery;
  Time until;
};

struct Line {
  explicit Line(const policy::ActingRule& what)
      : rule(&what), queue(what.run.empty() ? kPostsAtOnce : kProgramsAtOnce) {}

  const policy::ActingRule* rule;
  RetryQueue queue;
  std::vector<Running> running{};
};

std::vector<std::string> environment_of(const Order& order, const policy::ActingRule& rule) {
  return {"FUSEBOX_SEQ=" + std::to_string(order.event),
          "FUSEBOX_OP=" + order.op,
          "FUSEBOX_PATH=" + order.path,
          "FUSEBOX_TO=" + order.to,
          "FUSEBOX_PID=" + order.pid,
          "FUSEBOX_UID=" + order.uid,
          "FUSEBOX_EXE=" + order.exe,
          "FUSEBOX_VERDICT=" + order.verdict,
          "FUSEBOX_RULE=" + rule.describe()};
}

class Courier {
 public:
  Courier(Fd channel, const std::vector<policy::ActingRule>& rules, const sigset_t& mask)
      : channel_(std::move(channel)), mask_(mask) {
    for (const policy::ActingRule& rule : rules) lines_.emplace_back(rule);
  }

  [[noreturn]] void run() {
    while (true) {
      receive();
      conclude_posts();
      conclude_programs();
      begin();  // after what has ended made room: nobody else wakes us for it
      if (deadline_) give_up();
      send_reports();
      const bool is_idle = std::ranges::all_of(lines_, [](const Line& line) { return line.queue.is_idle(); });
      if (deadline_ && is_idle && reports_.empty()) ::_exit(0);
      wait();
    }
  }

 private:
  void receive() {
    while (true) {
      const auto message = receiver_.receive(channel_);
      if (!message && message.error() == Errno::again) return;
      if (!message) end_all();
      auto told = decode_told(*message);
      if (!told) continue;
      if (auto* order = std::get_if<Order>(&*told)) {
        take(std::move(*order));
      } else {
        hurry(std::get<End>(*told));
      }
    }
  }

  // Nobody is there any more to be told.
  [[noreturn]] void end_all() {
    lines_.clear();
    ::_exit(0);
  }

  void take(Order order) {
    if (order.rule >= lines_.size()) return;
    Line& line = lines_[order.rule];
    line.queue.add(
        {.event = order.event,
         .environment = line.rule->run.empty() ? std::vector<std::string>() : environment_of(order, *line.rule),
         .json = std::move(order.json),
         .came = steady_clock::now()});
  }

  void hurry(const End& end) {
    const Time now = steady_clock::now();
    deadline_ = now + end.at_most;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      Line& line = lines_[i];
      const bool is_server = !line.rule->webhook.empty();
      line.queue.hurry(now, is_server ? end.idle : std::nullopt);
      if (!is_server || !end.idle) continue;
      std::optional<Time> oldest = line.queue.oldest();
      if (const auto posted = webhooks_ ? webhooks_->oldest(i) : std::nullopt;
          posted && (!oldest || *posted < *oldest)) {
        oldest = posted;
      }
      if (oldest && *oldest + kBehind < now) drop(i, "the server did not keep up");
    }
  }

  // What became of the last attempt says more than that the time is over.
  void drop(std::size_t rule, const std::string& reason) {
    Line& line = lines_[rule];
    const std::string why = line.queue.trouble().empty() ? reason : line.queue.trouble();
    for (Running& running : line.running)
      reports_.push_back({rule, line.queue.rejected(running.delivery, why).event, why});
    line.running.clear();
    if (webhooks_) {
      for (const Delivery& delivery : webhooks_->abandon(rule)) {
        reports_.push_back({rule, line.queue.rejected(delivery, why).event, why});
      }
    }
    report(rule, line.queue.give_up(why));
  }

  void give_up() {
    const Time now = steady_clock::now();
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const auto patience_ends = lines_[i].queue.patience_ends();
      if (now >= *deadline_) {
        drop(i, "not done when the time after the command was over");
      } else if (patience_ends && now >= *patience_ends) {
        drop(i, "the server did not answer in the time after the command (wait_at_end can be longer)");
      }
    }
  }

  void begin() {
    const Time now = steady_clock::now();
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      Line& line = lines_[i];
      while (auto delivery = line.queue.next(now)) {
        if (line.rule->run.empty()) {
          post(i, *std::move(delivery));
        } else {
          start(i, *std::move(delivery), now);
        }
      }
    }
  }

  void start(std::size_t rule, Delivery delivery, Time now) {
    Line& line = lines_[rule];
    Result<Program> program = Program::start(line.rule->run, delivery, mask_);
    if (!program) {
      reports_.push_back({rule, line.queue.rejected(delivery, "cannot be started").event, "cannot be started"});
      return;
    }
    line.running.push_back({*std::move(program), std::move(delivery), now + line.rule->time_limit});
  }

  void post(std::size_t rule, Delivery delivery) {
    Line& line = lines_[rule];
    if (!webhooks_) {
      auto made = Webhooks::create();
      if (!made) {
        const GivenUp given_up = line.queue.rejected(delivery, made.error().why);
        reports_.push_back({rule, given_up.event, given_up.why});
        return;
      }
      webhooks_ = *std::move(made);
    }
    webhooks_->post(rule, line.rule->webhook, std::move(delivery), line.rule->time_limit);
  }

  void conclude_posts() {
    if (!webhooks_) return;
    for (Webhooks::Ended& ended : webhooks_->proceed()) {
      RetryQueue& queue = lines_[ended.rule].queue;
      if (ended.why.empty()) {
        queue.done(steady_clock::now());
        reports_.push_back({ended.rule, ended.delivery.event, {}});
      } else if (ended.try_again) {
        report(ended.rule, queue.failed(std::move(ended.delivery), std::move(ended.why), steady_clock::now()));
      } else {
        report(ended.rule, {queue.rejected(ended.delivery, std::move(ended.why))});
      }
    }
  }

  // A program is run once: it may have done half of what it does.
  void conclude_programs() {
    const Time now = steady_clock::now();
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      Line& line = lines_[i];
      std::erase_if(line.running, [&](Running& running) {
        pollfd end{running.program.fd(), POLLIN, 0};
        const bool has_ended = ::poll(&end, 1, 0) > 0;
        if (!has_ended && now < running.until) return false;
        if (const auto why = has_ended ? running.program.result() : "not done within its time limit") {
          report(i, {line.queue.rejected(running.delivery, *why)});
        } else {
          line.queue.done(now);
          reports_.push_back({i, running.delivery.event, {}});
        }
        return true;
      });
    }
  }

  void report(std::size_t rule, const std::vector<GivenUp>& given_up) {
    for (const GivenUp& one : given_up) reports_.push_back({rule, one.event, one.why});
  }

  void send_reports() {
    while (!reports_.empty() && send(channel_, encode(reports_.front()))) reports_.pop_front();
  }

  void wait() {
    // Where reports are left the supervisor has not taken them yet.
    const auto for_channel = static_cast<short>(reports_.empty() ? POLLIN : POLLIN | POLLOUT);
    std::vector<pollfd> watched = {{channel_.get(), for_channel, 0}};
    const Time now = steady_clock::now();
    Time until = now + kLongestSleep;
    if (deadline_) until = std::min(until, *deadline_);
    for (const Line& line : lines_) {
      if (const auto ends = line.queue.pause_ends()) until = std::min(until, *ends);
      if (const auto ends = line.queue.patience_ends()) until = std::min(until, *ends);
      for (const Running& running : line.running) {
        watched.push_back({running.program.fd(), POLLIN, 0});
        until = std::min(until, running.until);
      }
    }
    const auto patience = std::chrono::ceil<milliseconds>(std::max(until - now, steady_clock::duration::zero()));
    if (webhooks_) return webhooks_->wait(watched, patience);
    ::poll(watched.data(), watched.size(), static_cast<int>(patience.count()));
  }

  const Fd channel_;
  const sigset_t mask_;
  Receiver receiver_;
  std::deque<Line> lines_;
  std::unique_ptr<Webhooks> webhooks_;
  std::deque<Report> reports_;
  std::optional<Time> deadline_;  // from the end of the command on
};

}  // namespace

Outcome<Helper> start_courier(const std::vector<policy::ActingRule>& rules) {
  sigset_t mask;
  ::sigprocmask(SIG_SETMASK, nullptr, &mask);
  return Helper::start("fusebox-courier", [&](Fd channel) { Courier(std::move(channel), rules, mask).run(); });
}

}  // namespace fusebox::action
