#include "hook/answer_cache.h"

#include <array>
#include <utility>

#include "base/fields.h"

namespace fusebox::hook {
namespace {

std::string key_of(const guard::Question& question, Scope scope) {
  std::string whose;
  if (scope == Scope::process) whose = std::to_string(question.process.id) + " " + std::to_string(question.caller.uid);
  if (scope == Scope::program) whose = question.process.exe;
  return join_fields({std::string_view(std::array{"p", "x", "a"}[std::to_underlying(scope)]), whose,
                      to_string(question.op), to_string(question.want), question.path, question.to});
}

}  // namespace

std::optional<guard::Answer> AnswerCache::find(const guard::Question& question, Time now) {
  const std::lock_guard lock(mutex_);
  for (const Scope scope : {Scope::process, Scope::program, Scope::all}) {
    if (!has_[std::to_underlying(scope)]) continue;
    const Kept* kept = answers_.find(key_of(question, scope));
    if (kept != nullptr && now < kept->until) return kept->answer;
  }
  return std::nullopt;
}

void AnswerCache::keep(const guard::Question& question, const Answered& answered, const guard::Answer& answer,
                       Time now) {
  if (answered.failed || answered.holds.count() == 0) return;
  // Who is not known is nobody's kin.
  const bool is_known = answered.scope == Scope::all || !question.process.exe.empty();
  if (!is_known) return;
  const std::lock_guard lock(mutex_);
  has_[std::to_underlying(answered.scope)] = true;
  answers_[key_of(question, answered.scope)] = {.answer = answer, .until = now + answered.holds};
}

}  // namespace fusebox::hook
