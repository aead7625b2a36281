#include "hook/answer_cache.h"

#include <utility>

#include "base/fields.h"

namespace fusebox::hook {
namespace {

// For which questions an answer is kept.
struct Kind {
  Scope scope;
  bool any_operation;
  bool any_path;

  std::size_t index() const {
    return static_cast<std::size_t>(std::to_underlying(scope)) * 4 + (any_operation ? 2 : 0) + (any_path ? 1 : 0);
  }
  bool is_wide() const { return any_operation || any_path; }
};

constexpr auto kReaches =
    std::to_array<std::pair<bool, bool>>({{true, true}, {true, false}, {false, true}, {false, false}});

std::string key_of(const guard::Question& question, Kind kind) {
  std::string whose;
  if (kind.scope == Scope::process) {
    whose = std::to_string(question.process.id) + " " + std::to_string(question.caller.uid);
  }
  if (kind.scope == Scope::program) whose = question.process.exe;
  return join_fields({std::to_string(kind.index()), whose, kind.any_path ? "" : question.path,
                      kind.any_operation ? "" : to_string(question.op), question.to});
}

}  // namespace

std::optional<guard::Answer> AnswerCache::find(const guard::Question& question, Time now) {
  const std::lock_guard lock(mutex_);
  for (const Scope scope : {Scope::process, Scope::program, Scope::all}) {
    for (const auto& [any_operation, any_path] : kReaches) {
      const Kind kind{scope, any_operation, any_path};
      if (!has_.at(kind.index()) || (kind.is_wide() && !question.to.empty())) continue;
      const KeptByWant* by_want = answers_.find(key_of(question, kind));
      if (by_want == nullptr) continue;
      const Kept& kept = by_want->at(std::to_underlying(question.want));
      if (now < kept.until) return kept.answer;
    }
  }
  return std::nullopt;
}

void AnswerCache::keep(const guard::Question& question, const Answered& answered, const guard::Answer& answer,
                       Time now) {
  if (answered.failed || answered.holds.count() == 0) return;
  // Who is not known is nobody's kin.
  const bool is_known = answered.scope == Scope::all || !question.process.exe.empty();
  if (!is_known) return;
  // Careful: what has two ends is a matter of both, and not of the one that is its path.
  const bool has_one_end = question.to.empty();
  const Kind kind{answered.scope, !answered.wants.empty() && has_one_end, answered.any_path && has_one_end};
  const std::lock_guard lock(mutex_);
  has_.at(kind.index()) = true;
  KeptByWant& by_want = answers_[key_of(question, kind)];
  for (const policy::Want want : {policy::Want::stat, policy::Want::read, policy::Want::write}) {
    const bool is_meant = kind.any_operation ? answered.wants.holds(want) : want == question.want;
    if (is_meant) by_want.at(std::to_underlying(want)) = {.answer = answer, .until = now + answered.holds};
  }
}

}  // namespace fusebox::hook
