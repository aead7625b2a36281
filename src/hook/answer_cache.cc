#include "hook/answer_cache.h"

#include <utility>

#include "base/fields.h"

namespace fusebox::hook {
namespace {

// For which questions an answer is kept.
struct Kind {
  Scope scope;
  bool any_operation;

  std::size_t index() const {
    return static_cast<std::size_t>(std::to_underlying(scope)) * 2 + (any_operation ? 1 : 0);
  }
};

std::string key_of(const guard::Question& question, Kind kind) {
  std::string whose;
  if (kind.scope == Scope::process) {
    whose = std::to_string(question.process.id) + " " + std::to_string(question.caller.uid);
  }
  if (kind.scope == Scope::program) whose = question.process.exe;
  static constexpr std::array<std::string_view, 6> kLetters = {"p", "P", "x", "X", "a", "A"};
  const std::string_view letter = kLetters.at(kind.index());
  if (kind.any_operation) return join_fields({letter, whose, question.path});
  return join_fields({letter, whose, question.path, to_string(question.op), question.to});
}

}  // namespace

std::optional<guard::Answer> AnswerCache::find(const guard::Question& question, Time now) {
  const std::lock_guard lock(mutex_);
  for (const Scope scope : {Scope::process, Scope::program, Scope::all}) {
    for (const bool any_operation : {true, false}) {
      const Kind kind{scope, any_operation};
      if (!has_.at(kind.index()) || (any_operation && !question.to.empty())) continue;
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
  const Kind kind{answered.scope, !answered.wants.empty() && question.to.empty()};
  const std::lock_guard lock(mutex_);
  has_.at(kind.index()) = true;
  KeptByWant& by_want = answers_[key_of(question, kind)];
  for (const policy::Want want : {policy::Want::stat, policy::Want::read, policy::Want::write}) {
    const bool is_meant = kind.any_operation ? answered.wants.holds(want) : want == question.want;
    if (is_meant) by_want.at(std::to_underlying(want)) = {.answer = answer, .until = now + answered.holds};
  }
}

}  // namespace fusebox::hook
