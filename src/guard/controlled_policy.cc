#include "guard/controlled_policy.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "fusebox/fault.h"

namespace fusebox::guard {
namespace {

using policy::Verdict;
using policy::Want;

// The first order that would allow what the ceiling does not.
std::optional<std::string> beyond(const policy::Policy& ceiling, const policy::ControlLists& lists) {
  for (const Want want : {Want::read, Want::write}) {
    for (const policy::ControlLists::Order& order : lists.orders(want)) {
      if (order.verdict != Verdict::allow) continue;
      const policy::Decision decision = ceiling.decide(order.path, want);
      if (decision.verdict == Verdict::allow) continue;
      return std::string(to_string(want)) + " " + printable(order.path) + " stands against " +
             ceiling.describe(decision.rule);
    }
  }
  return std::nullopt;
}

}  // namespace

ControlledPolicy::ControlledPolicy(std::shared_ptr<const policy::Policy> base,
                                   std::shared_ptr<const policy::Policy> ceiling)
    : base_(std::move(base)),
      ceiling_(std::move(ceiling)),
      plain_policy_(base_, ceiling_, {}),
      plain_{.policy = std::shared_ptr<const policy::Policy>(std::shared_ptr<void>(), &plain_policy_),
             .generation = 1} {}

Ruling ControlledPolicy::for_caller(const Caller&) {
  if (is_plain_.load(std::memory_order_acquire)) return plain_;
  const std::lock_guard lock(mutex_);
  return ruling_;
}

void ControlledPolicy::settle() {
  ++changes_;
  const bool is_plain = !on_ || lists_.empty();
  ruling_ = is_plain ? plain_
                     : Ruling{.policy = std::make_shared<const policy::Policy>(base_, ceiling_, lists_),
                              .generation = plain_.generation + changes_};
  is_plain_.store(is_plain, std::memory_order_release);
}

ControlledPolicy::Changed ControlledPolicy::replace(std::string_view script) {
  auto lists = policy::ControlLists::parse(script);
  const std::lock_guard lock(mutex_);
  if (locked_) return {.answer = Answer::locked, .why = "the control directory is locked"};
  if (!lists) return {.answer = Answer::not_understood, .why = lists.error()};
  if (auto excess = beyond(*ceiling_, *lists)) return {.answer = Answer::beyond_ceiling, .why = *std::move(excess)};
  lists_ = *std::move(lists);
  settle();
  return {};
}

ControlledPolicy::Changed ControlledPolicy::switch_to(bool on) {
  const std::lock_guard lock(mutex_);
  if (on_ == on) return {};
  if (locked_) return {.answer = Answer::locked, .why = "the control directory is locked"};
  on_ = on;
  settle();
  return {};
}

void ControlledPolicy::lock() {
  const std::lock_guard lock(mutex_);
  locked_ = true;
}

std::string ControlledPolicy::script() const {
  const std::lock_guard lock(mutex_);
  return lists_.render();
}

bool ControlledPolicy::is_on() const {
  const std::lock_guard lock(mutex_);
  return on_;
}

bool ControlledPolicy::is_locked() const {
  const std::lock_guard lock(mutex_);
  return locked_;
}

std::string ControlledPolicy::state() const {
  const std::lock_guard lock(mutex_);
  const auto orders = [&](Want want) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const policy::ControlLists::Order& order : lists_.orders(want)) {
      list.push_back({{"path", printable(order.path)}, {"verdict", std::string(to_string(order.verdict))}});
    }
    return list;
  };
  const nlohmann::ordered_json state = {{"on", on_},
                                        {"locked", locked_},
                                        {"changes", changes_},
                                        {"rules", base_->rules().size()},
                                        {"read", orders(Want::read)},
                                        {"write", orders(Want::write)}};
  return state.dump() + "\n";
}

}  // namespace fusebox::guard
