#include "policy/load_acting.h"

#include <algorithm>

#include "policy/suggest.h"

namespace fusebox::policy {
namespace {

std::unexpected<Fault> fault_at(std::string where, Complaint complaint) {
  return std::unexpected(
      Fault{.what = std::move(where), .why = std::move(complaint.why), .remedy = std::move(complaint.remedy)});
}

Outcome<std::string> expanded(const Placed& text, const Sources& sources, Meaning meaning) {
  auto result = expand(text.text, sources.variables, meaning);
  if (!result) return fault_at(place(sources.file->name, text.at), std::move(result).error().complaint);
  return *std::move(result);
}

// As written, and as it is without symlinks.
void add_forms(const Pattern& pattern, SymlinkFree& symlinks, std::vector<std::string>& patterns) {
  patterns.push_back(to_string(pattern));
  if (const auto without = symlinks.form_of(pattern)) patterns.push_back(to_string(*without));
}

Outcome<std::vector<std::string>> patterns_of(const std::vector<Placed>& paths, const Sources& sources,
                                              SymlinkFree& symlinks) {
  std::vector<std::string> patterns;
  for (const Placed& path : paths) {
    const auto text = expanded(path, sources, Meaning::pattern);
    if (!text) return std::unexpected(text.error());
    const auto pattern = parse_pattern(*text);
    if (!pattern) return fault_at(place(sources.file->name, path.at), pattern.error());
    add_forms(*pattern, symlinks, patterns);
  }
  return patterns;
}

bool is_url(std::string_view text) {
  const bool is_http = text.starts_with("http://") || text.starts_with("https://");
  const bool is_plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  return is_http && is_plain && !text.ends_with("//");
}

// What a name of a program may be: the box may not decide which file it means.
bool is_program(std::string_view name) { return !name.empty() && (name.starts_with('/') || !name.contains('/')); }

Outcome<ActingRule> load_rule(const FileActingRule& from, const Sources& sources, SymlinkFree& symlinks) {
  auto patterns = patterns_of(from.paths, sources, symlinks);
  if (!patterns) return std::unexpected(std::move(patterns).error());
  ActingRule rule{.triggers = from.triggers,
                  .patterns = *std::move(patterns),
                  .time_limit = from.time_limit,
                  .origin = place(sources.file->name, from.at)};
  for (const Placed& word : from.run) {
    auto text = expanded(word, sources, Meaning::text);
    if (!text) return std::unexpected(std::move(text).error());
    rule.run.push_back(*std::move(text));
  }
  if (!rule.run.empty() && !is_program(rule.run[0])) {
    return fault_at(place(sources.file->name, from.run[0].at),
                    {"'" + rule.run[0] + "' is neither an absolute path nor a name to look up in PATH",
                     "start it with / or ${PWD}/"});
  }
  if (!from.webhook) return rule;
  auto url = expanded(*from.webhook, sources, Meaning::text);
  if (!url) return std::unexpected(std::move(url).error());
  if (!is_url(*url)) {
    return fault_at(place(sources.file->name, from.webhook->at),
                    {"'webhook' is no URL of http or https", R"(write webhook = "http://127.0.0.1:8080/events")"});
  }
  rule.webhook = *std::move(url);
  return rule;
}

}  // namespace

Outcome<std::vector<ActingRule>> load_acting_rules(const std::vector<FileActingRule>& rules, const Sources& sources,
                                                   SymlinkFree& symlinks) {
  std::vector<ActingRule> loaded;
  for (const FileActingRule& from : rules) {
    auto rule = load_rule(from, sources, symlinks);
    if (!rule) return std::unexpected(std::move(rule).error());
    loaded.push_back(*std::move(rule));
  }
  return loaded;
}

Outcome<std::vector<ActingRule>> load_script_rules(const std::vector<ScriptRule>& rules, const std::string& script,
                                                   const Sources& sources) {
  SymlinkFree symlinks(sources.resolve);
  std::vector<ActingRule> loaded;
  for (const ScriptRule& from : rules) {
    const std::string where = script + ":" + from.line;
    ActingRule rule{.triggers = {}, .patterns = {}, .block = static_cast<int>(loaded.size()), .origin = where};
    for (const std::string& word : from.events) {
      const auto trigger = parse_trigger(word);
      if (!trigger) return fault_at(where, {"unknown event '" + word + "'", suggest(word, kTriggerNames)});
      rule.triggers.add(*trigger);
    }
    for (const std::string& path : from.paths) {
      const auto pattern = parse_pattern(path);
      if (!pattern) return fault_at(where, pattern.error());
      add_forms(*pattern, symlinks, rule.patterns);
    }
    loaded.push_back(std::move(rule));
  }
  return loaded;
}

Outcome<HookRule> load_hook(const FileHook& hook, const Sources& sources, SymlinkFree& symlinks) {
  auto patterns = patterns_of(hook.paths, sources, symlinks);
  if (!patterns) return std::unexpected(std::move(patterns).error());
  auto script = expanded(hook.script, sources, Meaning::text);
  if (!script) return std::unexpected(std::move(script).error());
  // It stands beside the file that names it.
  const std::size_t slash = sources.file->name.rfind('/');
  const bool is_absolute = script->starts_with('/');
  return HookRule{.script = is_absolute || slash == std::string::npos
                                ? *std::move(script)
                                : sources.file->name.substr(0, slash + 1) + *script,
                  .patterns = *std::move(patterns),
                  .time_limit = hook.time_limit,
                  .looks = hook.looks,
                  .origin = place(sources.file->name, hook.at)};
}

}  // namespace fusebox::policy
