#include "policy/acting_rule.h"

#include <algorithm>

#include "fusebox/fault.h"

namespace fusebox::policy {
namespace {

std::string quoted_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) {
    if (!list.empty()) list += ", ";
    list += '"' + printable(text) + '"';
  }
  return list;
}

}  // namespace

std::optional<Trigger> parse_trigger(std::string_view word) {
  const auto* found = std::ranges::find(kTriggerWords, word, &std::pair<Trigger, std::string_view>::second);
  if (found == kTriggerWords.end()) return std::nullopt;
  return found->first;
}

std::string to_string(TriggerSet triggers) {
  std::string text;
  for (const auto& [trigger, word] : kTriggerWords) {
    if (!triggers.meets({trigger})) continue;
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

std::string ActingRule::describe() const {
  return "on " + to_string(triggers) + " " + quoted_list(patterns) + " (" + printable(origin) + ")";
}

std::string ActingRule::deed() const {
  if (block) return "a block";
  return run.empty() ? "webhook " + quoted_list({webhook}) : "run [" + quoted_list(run) + "]";
}

}  // namespace fusebox::policy
