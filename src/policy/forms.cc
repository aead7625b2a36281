#include "policy/forms.h"

#include <algorithm>

#include "policy/index.h"

namespace fusebox::policy {

std::optional<Pattern> SymlinkFree::form_of(const Pattern& pattern) {
  if (!resolve_) return std::nullopt;
  const auto head_end = std::ranges::find_if(
      pattern, [](const Component& component) { return component.kind != Component::Kind::literal; });
  std::string head;
  std::vector<std::size_t> ends;  // of each component in `head`
  for (auto component = pattern.begin(); component != head_end; ++component) {
    head += "/" + component->name;
    ends.push_back(head.size());
  }
  // What does not exist yet lies below something that does, and a symlink may be on the way to that.
  for (std::size_t count = ends.size(); count > 0; --count) {
    const auto& target = resolved(head.substr(0, ends[count - 1]));
    if (!target || !is_canonical(*target)) continue;
    auto form = parse_pattern(quoted(*target));
    if (!form) return std::nullopt;
    form->insert(form->end(), pattern.begin() + static_cast<std::ptrdiff_t>(count), pattern.end());
    if (*form == pattern) return std::nullopt;
    return *std::move(form);
  }
  return std::nullopt;
}

const std::optional<std::string>& SymlinkFree::resolved(const std::string& path) {
  const auto [entry, is_new] = known_.try_emplace(path);
  if (is_new) entry->second = resolve_(path);
  return entry->second;
}

}  // namespace fusebox::policy
