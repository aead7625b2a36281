#include "cli/acting.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "action/courier.h"
#include "cli/own_files.h"
#include "cli/policy_options.h"
#include "hook/start_script.h"

namespace fusebox::cli {
namespace {

// Where execvp(3) would find it, now: what a box may put in front of it later does not count.
Outcome<std::string> find_program(const policy::ActingRule& rule) {
  const std::string& name = rule.run[0];
  if (name.starts_with('/')) {
    if (::access(name.c_str(), X_OK) == 0) return name;
    return std::unexpected(fault_with_errno(rule.origin + ": run " + name, "name a program"));
  }
  const char* path = std::getenv("PATH");
  for (std::string_view left = path != nullptr ? path : "/usr/bin:/bin"; !left.empty();) {
    const std::string_view directory = left.substr(0, left.find(':'));
    left.remove_prefix(std::min(left.size(), directory.size() + 1));
    std::string candidate = std::string(directory) + "/" + name;
    if (directory.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::unexpected(
      Fault{.what = rule.origin + ": run " + name, .why = "not found in PATH", .remedy = "name a program"});
}

std::uint64_t bits_from(std::size_t first, std::size_t end) {
  std::uint64_t bits = 0;
  for (std::size_t i = first; i < end; ++i) bits |= std::uint64_t{1} << i;
  return bits;
}

// A script that is never asked, or asked and never answers, is a mistake.
Outcome<> check_purpose(const policy::HookRule& rule, const hook::Hello& hello) {
  const auto fault = [&](std::string why, std::string remedy) {
    return std::unexpected(Fault{.what = rule.origin, .why = std::move(why), .remedy = std::move(remedy)});
  };
  if (hello.answers && rule.patterns.empty()) {
    return fault("on_access of " + rule.script + " is asked about nothing", R"(write paths = ["/path"])");
  }
  if (!hello.answers && !rule.patterns.empty()) {
    return fault(rule.script + " has no on_access", "define it, or leave 'paths' out");
  }
  if (!hello.answers && hello.rules.empty()) {
    return fault(rule.script + " has neither on_access nor a rule", "define it, or call on(event, path) { ... }");
  }
  return {};
}

}  // namespace

Outcome<> Acting::start(policy::LoadedPolicy& policy) {
  rules_ = policy.acting;
  std::vector<action::Actions::Agent> agents;
  if (const Outcome<> started = start_programs(policy, agents); !started) return started;
  if (const Outcome<> started = start_script(policy, agents); !started) return started;
  if (rules_.empty()) return {};
  triggers_.emplace(rules_);
  sink_ = std::make_unique<action::Actions>(rules_, std::move(agents),
                                            action::ActionsOptions{.wait_at_end = policy.wait_at_end});
  return {};
}

Outcome<> Acting::start_programs(policy::LoadedPolicy& policy, std::vector<action::Actions::Agent>& agents) {
  if (rules_.empty()) return {};
  for (policy::ActingRule& rule : rules_) {
    if (rule.run.empty()) continue;
    Outcome<std::string> program = find_program(rule);
    if (!program) return std::unexpected(std::move(program).error());
    rule.run[0] = *std::move(program);
    protect(rule.run[0], "run of " + rule.origin, policy);
  }
  auto courier = action::start_courier(rules_);
  if (!courier) return std::unexpected(courier.error());
  agents.push_back({.helper = *std::move(courier), .rules = bits_from(0, rules_.size())});
  return {};
}

Outcome<> Acting::start_script(policy::LoadedPolicy& policy, std::vector<action::Actions::Agent>& agents) {
  if (!policy.hook) return {};
  const policy::HookRule rule = *policy.hook;
  protect(rule.script, "script of " + rule.origin, policy);
  auto started = hook::start_script(rule);
  if (!started) return std::unexpected(std::move(started).error());
  if (const Outcome<> fits = check_purpose(rule, started->hello); !fits) return fits;
  policy::Sources outside;
  outside.resolve = path_resolver();
  const auto scripted = policy::load_script_rules(started->hello.rules, rule.script, outside);
  if (!scripted) return std::unexpected(scripted.error());
  if (started->hello.answers) script_.emplace(std::move(started->answering), rule);
  if (scripted->empty()) return {};
  const std::size_t first = rules_.size();
  if (first + scripted->size() > policy::ActingRule::kMost) {
    return std::unexpected(Fault{.what = rule.origin,
                                 .why = "more than 64 rules that act, with those of " + rule.script,
                                 .remedy = "name several paths in one"});
  }
  rules_.insert(rules_.end(), scripted->begin(), scripted->end());
  auto actor = hook::start_acting(rule, first);
  if (!actor) return std::unexpected(std::move(actor).error());
  agents.push_back({.helper = *std::move(actor), .rules = bits_from(first, rules_.size())});
  return {};
}

}  // namespace fusebox::cli
