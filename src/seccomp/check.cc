#include "seccomp/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "seccomp/architecture.h"
#include "seccomp/words.h"

namespace fusebox::seccomp {
namespace {

class Checker {
 public:
  Checker(const Profile& profile, const std::string& name) : profile_(profile), name_(name) {}

  Outcome<std::vector<std::string>> check() {
    check_architectures();
    if (auto known = check_names(); !known) return std::unexpected(known.error());
    for (const auto& [call, rules] : rules_by_call()) {
      if (auto checked = check_call(call, rules); !checked) return std::unexpected(checked.error());
    }
    return std::move(warnings_);
  }

 private:
  using Rules = std::vector<const Rule*>;

  std::unexpected<Fault> fault(std::string why, std::string remedy) const {
    return std::unexpected(
        Fault{.what = name_, .why = std::move(why), .remedy = std::move(remedy), .code = ExitCode::usage});
  }

  void check_architectures() {
    for (const std::string& word : profile_.architectures) {
      if (architecture_of(word)) continue;
      warnings_.push_back(fmt::format("{} does not know {}: its programs will be killed", libseccomp_version(), word));
    }
  }

  Outcome<> check_names() {
    std::set<std::string> unknown;
    for (const Rule& rule : profile_.rules) {
      for (const std::string& call : rule.names) {
        if (call_number(call)) continue;
        if (!lets_pass(rule.action)) {
          return fault(fmt::format("unknown system call: {}, in a rule {}", call, text_of(rule.action)),
                       libseccomp_version() + " cannot refuse what it does not know; take it out, or allow a list");
        }
        unknown.insert(call);
      }
    }
    if (!unknown.empty()) {
      warnings_.push_back(fmt::format("unknown to {}, so the default holds for them: {}", libseccomp_version(),
                                      fmt::join(unknown, ", ")));
    }
    return {};
  }

  std::map<std::string, Rules> rules_by_call() const {
    std::map<std::string, Rules> rules;
    for (const Rule& rule : profile_.rules) {
      for (const std::string& call : rule.names) {
        if (call_number(call)) rules[call].push_back(&rule);
      }
    }
    return rules;
  }

  Outcome<> check_call(const std::string& call, const Rules& rules) {
    const auto whole = std::ranges::find_if(rules, [](const Rule* rule) { return rule->conditions.empty(); });
    const Rule* const only = whole == rules.end() ? nullptr : *whole;
    const Rule* const other = other_than_default(rules);
    std::set<std::string> warnings;
    for (const Rule* const rule : rules) {
      const Rule* const stronger = rule->action == profile_.default_action ? other : only;
      if (stronger == nullptr || stronger->action == rule->action) continue;
      const std::string what = fmt::format("{}: a rule {} has no effect beside the rule {}", call,
                                           text_of(rule->action), text_of(stronger->action));
      if (stronger->action.kind > rule->action.kind && !lets_pass(rule->action)) {
        return fault(what, "give each call one action, or conditions that exclude each other");
      }
      warnings.insert(what);
    }
    warnings_.insert(warnings_.end(), warnings.begin(), warnings.end());
    return {};
  }

  const Rule* other_than_default(const Rules& rules) const {
    const auto other =
        std::ranges::find_if(rules, [&](const Rule* rule) { return rule->action != profile_.default_action; });
    return other == rules.end() ? nullptr : *other;
  }

  const Profile& profile_;
  const std::string& name_;
  std::vector<std::string> warnings_;
};

}  // namespace

Outcome<std::vector<std::string>> check(const Profile& profile, const std::string& name) {
  return Checker(profile, name).check();
}

}  // namespace fusebox::seccomp
