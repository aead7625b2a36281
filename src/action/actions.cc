#include "action/actions.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/quiet_thread.h"
#include "policy/duration.h"

namespace fusebox::action {
namespace {

using std::chrono::milliseconds;

// For the last reports to come.
constexpr milliseconds kGrace{500};

}  // namespace

End wait_after(milliseconds run_time) {
  constexpr milliseconds kAtMost{5'000};
  constexpr milliseconds kAtLeast{100};
  return {.at_most = kAtMost, .idle = std::clamp(run_time / 100, kAtLeast, kAtMost)};
}

Actions::Actions(std::vector<policy::ActingRule> rules, std::vector<Agent> agents, ActionsOptions options)
    : rules_(std::move(rules)), options_(options), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  for (Agent& agent : agents) posts_.push_back({.agent = std::move(agent)});
}

Actions::~Actions() { stop(); }

void Actions::add(const audit::Event& event, std::uint64_t seq, std::string_view line) {
  const std::lock_guard lock(mutex_);
  for (std::uint64_t left = event.triggers; left != 0; left &= left - 1) {
    const auto rule = static_cast<std::size_t>(std::countr_zero(left));
    const auto post = std::ranges::find_if(posts_, [&](const Post& one) { return (one.agent.rules >> rule & 1) != 0; });
    if (post != posts_.end()) hand_on(*post, rule, event, seq, line);
  }
}

void Actions::hand_on(Post& post, std::size_t rule, const audit::Event& event, std::uint64_t seq,
                      std::string_view line) {
  Waiting what{.op = std::string(to_string(event.op)), .path = event.path};
  if (post.is_closed || stopped_) return not_done(rule, seq, std::move(what), "who should do it has ended");
  if (post.waiting.size() >= kMostWaiting) {
    return not_done(rule, seq, std::move(what), std::to_string(kMostWaiting) + " others wait already");
  }
  post.waiting.emplace(std::pair(seq, rule), std::move(what));
  post.unsent.push_back(encode(order_of(rule, event, seq, line)));
  if (post.unsent.size() == 1) wake();
  // Careful: not before the first event; a box begins with one thread.
  if (!thread_.joinable()) thread_ = start_without_signals([this] { work(); });
}

void Actions::not_done(std::size_t rule, std::uint64_t event, Waiting what, std::string why) {
  undelivered_.push_back({.event = event,
                          .op = std::move(what.op),
                          .path = std::move(what.path),
                          .rule = rules_[rule].describe(),
                          .why = std::move(why)});
}

void Actions::wake() const {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void Actions::work() {
  std::vector<pollfd> polled;
  while (true) {
    polled.assign(1, {wake_.get(), POLLIN, 0});
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      for (Post& post : posts_) {
        const bool has_more = !post.is_closed && exchange(post);
        // A closed one is watched no longer: poll(2) passes over what is negative.
        polled.push_back({post.is_closed ? -1 : post.agent.helper.channel().get(),
                          static_cast<short>(has_more ? POLLIN | POLLOUT : POLLIN), 0});
      }
    }
    changed_.notify_all();
    ::poll(polled.data(), polled.size(), -1);
    std::uint64_t drained = 0;
    (void)!::read(wake_.get(), &drained, sizeof drained);
  }
}

// Sends and takes what can be sent and taken; true where more is to be sent.
bool Actions::exchange(Post& post) {
  const Fd& channel = post.agent.helper.channel();
  while (!post.unsent.empty()) {
    const Result<> sent = send(channel, post.unsent.front());
    if (!sent && sent.error() == Errno::again) break;
    if (!sent) break;  // its end is met below, behind its last words
    post.unsent.pop_front();
  }
  while (true) {
    const auto message = receiver_.receive(channel);
    if (!message && message.error() == Errno::again) return !post.unsent.empty();
    if (!message) {
      close(post, "who should do it has ended (" + post.agent.helper.end() + ")");
      return false;
    }
    auto report = decode_report(*message);
    if (!report) continue;
    auto found = post.waiting.extract({report->event, report->rule});
    if (found.empty()) continue;
    if (report->why.empty()) {
      ++delivered_;
    } else {
      not_done(report->rule, report->event, std::move(found.mapped()), std::move(report->why));
    }
  }
}

void Actions::close(Post& post, const std::string& why) {
  post.is_closed = true;
  post.unsent.clear();
  for (auto& [key, what] : std::exchange(post.waiting, {})) not_done(key.second, key.first, std::move(what), why);
}

std::vector<audit::Undelivered> Actions::take_undelivered() {
  const std::lock_guard lock(mutex_);
  return std::exchange(undelivered_, {});
}

bool Actions::is_all_done() const {
  return std::ranges::all_of(posts_, [](const Post& post) { return post.waiting.empty(); });
}

std::uint64_t Actions::finish() {
  const auto run_time = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun_);
  const End end = options_.wait_at_end ? End{.at_most = *options_.wait_at_end} : wait_after(run_time);
  {
    std::unique_lock lock(mutex_);
    for (Post& post : posts_) {
      if (!post.is_closed) post.unsent.push_back(encode(end));
    }
    wake();
    changed_.wait_for(lock, end.at_most + kGrace, [this] { return is_all_done(); });
    for (Post& post : posts_) {
      if (!post.is_closed) close(post, "not done " + policy::to_string(end.at_most) + " after the command");
    }
  }
  stop();
  return delivered_;
}

void Actions::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
  for (Post& post : posts_) post.agent.helper.end();
}

}  // namespace fusebox::action
