#include "gentoo/settings.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "policy/gentoo_order.h"

namespace fusebox::gentoo {
namespace {

using policy::Rule;
using policy::RuleKind;

bool equals_in_any_case(std::string_view text, std::string_view word) {
  return std::ranges::equal(
      text, word, {}, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; },
      std::identity());
}

void add_once(std::vector<std::string>& paths, std::string path) {
  if (std::ranges::find(paths, path) == paths.end()) paths.push_back(std::move(path));
}

void visit_parts(std::string_view text, char separator, auto visit) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(separator));
    if (!part.empty()) visit(part);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
}

// What two prefixes have in common: the longer one, where the other one names it.
std::vector<std::string> common(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  std::vector<std::string> both;
  for (const std::string& here : one) {
    for (const std::string& there : other) {
      if (policy::prefix_matches(there, here)) add_once(both, here);
      if (policy::prefix_matches(here, there)) add_once(both, there);
    }
  }
  return both;
}

}  // namespace

std::optional<bool> parse_switch(std::string_view text) {
  for (const std::string_view word : {"1", "true", "yes"}) {
    if (equals_in_any_case(text, word)) return true;
  }
  for (const std::string_view word : {"0", "false", "no"}) {
    if (equals_in_any_case(text, word)) return false;
  }
  return std::nullopt;
}

void apply(Settings& settings, std::string_view variable) {
  const std::array<std::pair<std::string_view, std::string*>, 4> lists = {{{"SANDBOX_DENY=", &settings.deny},
                                                                           {"SANDBOX_READ=", &settings.read},
                                                                           {"SANDBOX_WRITE=", &settings.write},
                                                                           {"SANDBOX_PREDICT=", &settings.predict}}};
  for (const auto& [name, list] : lists) {
    if (variable.starts_with(name)) *list = variable.substr(name.size());
  }
  constexpr std::string_view kOn = "SANDBOX_ON=";
  if (variable.starts_with(kOn)) settings.on = parse_switch(variable.substr(kOn.size())).value_or(false);
}

void apply_all(Settings& settings, std::string_view variables) {
  visit_parts(variables, '\0', [&](std::string_view variable) {
    if (variable.starts_with("SANDBOX_")) apply(settings, variable);
  });
}

std::vector<std::string> PathForms::of(std::string_view list) const {
  std::vector<std::string> paths;
  visit_parts(list, ':', [&](std::string_view entry) {
    if (entry.find('\0') != std::string_view::npos) return;
    const bool is_content = entry.ends_with('/');
    const auto as_prefix = [&](std::string path) {
      while (path.size() > 1 && path.ends_with('/')) path.pop_back();
      if (is_content && path != "/") path += '/';
      return path;
    };
    const std::string absolute = entry.starts_with('/') ? std::string(entry) : directory + "/" + std::string(entry);
    add_once(paths, as_prefix(std::filesystem::path(absolute).lexically_normal().string()));
    add_once(paths, as_prefix(std::filesystem::path(resolve(absolute)).lexically_normal().string()));
  });
  return paths;
}

policy::Policy policy_of(const Settings& settings, const PathForms& forms,
                         const std::optional<std::vector<std::string>>& ceiling) {
  std::vector<Rule> rules;
  const auto add = [&](RuleKind kind, const std::vector<std::string>& paths, const char* origin) {
    for (const std::string& path : paths) rules.push_back({kind, path, origin});
  };
  std::vector<std::string> writable = settings.on ? forms.of(settings.write) : std::vector<std::string>{"/"};
  if (ceiling) writable = common(writable, *ceiling);
  if (settings.on) {
    add(RuleKind::deny, forms.of(settings.deny), "SANDBOX_DENY");
    add(RuleKind::read, forms.of(settings.read), "SANDBOX_READ");
    add(RuleKind::predict, forms.of(settings.predict), "SANDBOX_PREDICT");
  } else {
    add(RuleKind::read, {"/"}, "SANDBOX_ON");
  }
  add(RuleKind::write, writable, settings.on ? "SANDBOX_WRITE" : "SANDBOX_ON");
  return policy::Policy(std::move(rules), policy::Changes::as_ruled,
                        settings.on || ceiling ? policy::Order::gentoo : policy::Order::specific);
}

}  // namespace fusebox::gentoo
