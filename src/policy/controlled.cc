#include "policy/controlled.h"

#include <algorithm>

namespace fusebox::policy {
namespace {

RuleKind kind_of(Want want, Verdict verdict) {
  if (verdict == Verdict::predict) return RuleKind::predict;
  if (verdict == Verdict::deny) return RuleKind::deny;
  return want == Want::write ? RuleKind::write : RuleKind::read;
}

bool is_control(std::string_view path) {
  return std::ranges::any_of(kControlNames, [&](std::string_view name) {
    if (path.size() <= name.size() || path.substr(1, name.size()) != name) return false;
    return path.size() == name.size() + 1 || path[name.size() + 1] == '/';
  });
}

}  // namespace

std::vector<Rule> Policy::Control::all_rules() const {
  std::vector<Rule> rules = base->rules();
  for (const Want want : {Want::read, Want::write}) {
    for (const ControlLists::Order& order : lists.orders(want)) {
      rules.push_back({.kind = kind_of(want, order.verdict), .pattern = order.path, .origin = "the control directory"});
    }
  }
  return rules;
}

Decision Policy::Control::decide(std::string_view path, Want want) const {
  if (is_control(path)) return {.verdict = Verdict::allow, .rule = kNoRule};
  const Decision without = base->decide(path, want);
  const std::optional<std::size_t> order = lists.deciding(path, want);
  if (!order || without.verdict == Verdict::hide) return without;
  const Verdict verdict = lists.orders(want)[*order].verdict;
  if (verdict == Verdict::allow) return without.verdict == Verdict::discard ? without : ceiling->decide(path, want);
  const std::size_t before = want == Want::write ? lists.orders(Want::read).size() : 0;
  return {.verdict = verdict, .rule = static_cast<RuleId>(base->rules().size() + before + *order)};
}

bool Policy::Control::same_below(std::string_view from, std::string_view to) const {
  return lists.same_below(from, to) && base->same_below(from, to) && ceiling->same_below(from, to);
}

}  // namespace fusebox::policy
