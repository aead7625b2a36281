#include "cli/policy_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "fusebox/fault.h"
#include "policy/duration.h"
#include "policy/explain.h"
#include "policy/path_sets.h"
#include "policy/policy_file.h"
#include "policy/trigger_rules.h"

namespace fusebox::cli {
namespace {

using Json = nlohmann::ordered_json;
using policy::Policy;
using policy::Want;

// Drops what means nothing.  ".." goes up by name: what symlinks make of it, the resolver says.
std::string cleaned(std::string_view path) {
  std::string result;
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      result.resize(result.empty() ? 0 : result.find_last_of('/'));
    } else {
      result += "/" + std::string(name);
    }
  }
  return result.empty() ? "/" : result;
}

// The path without symlinks; of what does not exist, the part that does.
std::string without_symlinks(const std::string& path, const policy::Resolver& resolve) {
  for (std::size_t end = path.size(); end > 0; end = path.find_last_of('/', end - 1)) {
    if (const auto resolved = resolve(path.substr(0, end))) return cleaned(*resolved + path.substr(end));
  }
  return cleaned(path);
}

std::string text_of(const Policy& rules, const std::string& path, std::span<const Want> wants) {
  std::string text = printable(path) + "\n";
  for (const Want want : wants) {
    const policy::Explanation why = policy::explain(rules, path, want);
    text += "  " + std::string(to_string(want)) + ": " + std::string(to_string(why.decision.verdict)) + " (" +
            why.reason + ")\n";
    int number = 0;
    for (const auto& [rule, part] : why.considered) {
      text += "    " + std::to_string(++number) + ". " + rules.describe(rule) + ": " + part + "\n";
    }
  }
  return text;
}

bool asks_hook(const policy::LoadedPolicy& loaded, const std::string& path) {
  return loaded.hook && policy::PathSets({loaded.hook->patterns}).at(path) != 0;
}

std::vector<const policy::ActingRule*> acting_on(const policy::LoadedPolicy& loaded, const std::string& path) {
  const std::uint64_t found = policy::TriggerRules(loaded.acting).at(path);
  std::vector<const policy::ActingRule*> rules;
  for (std::size_t i = 0; i < loaded.acting.size(); ++i) {
    if ((found >> i & 1) != 0) rules.push_back(&loaded.acting[i]);
  }
  return rules;
}

std::string text_of(const policy::LoadedPolicy& loaded, const std::string& path, std::span<const Want> wants) {
  std::string text = text_of(loaded.policy, path, wants);
  if (asks_hook(loaded, path)) text += "  what is permitted is then asked of " + printable(loaded.hook->script) + "\n";
  for (const policy::ActingRule* rule : acting_on(loaded, path)) {
    text += "  " + rule->describe() + ": " + rule->deed() + "\n";
  }
  return text;
}

Json json_of(const policy::ActingRule& rule) {
  Json json = {{"events", to_string(rule.triggers)}, {"patterns", rule.patterns}, {"origin", rule.origin}};
  if (!rule.run.empty()) json["run"] = rule.run;
  if (!rule.webhook.empty()) json["webhook"] = rule.webhook;
  json["time_limit"] = policy::to_string(rule.time_limit);
  return json;
}

Json json_of(const policy::HookRule& hook) {
  return {{"script", hook.script},
          {"patterns", hook.patterns},
          {"time_limit", policy::to_string(hook.time_limit)},
          {"looks", hook.looks},
          {"origin", hook.origin}};
}

Json json_of(const policy::Rule& rule) {
  return {{"kind", to_string(rule.kind)}, {"pattern", rule.pattern}, {"origin", rule.origin}};
}

Json json_of(const Policy& rules, const std::string& path, std::span<const Want> wants) {
  Json decisions = Json::array();
  for (const Want want : wants) {
    const policy::Explanation why = policy::explain(rules, path, want);
    Json considered = Json::array();
    for (const auto& [rule, part] : why.considered) {
      Json entry = json_of(rules.rule(rule));
      entry["part"] = part;
      considered.push_back(std::move(entry));
    }
    const policy::RuleId decisive = why.decision.rule;
    decisions.push_back({{"op", to_string(want)},
                         {"verdict", to_string(why.decision.verdict)},
                         {"reason", why.reason},
                         {"rule", decisive == policy::kNoRule ? Json() : json_of(rules.rule(decisive))},
                         {"considered", std::move(considered)}});
  }
  return {{"path", path}, {"decisions", std::move(decisions)}};
}

Json json_of(const policy::LoadedPolicy& loaded, const std::string& path, std::span<const Want> wants) {
  Json json = json_of(loaded.policy, path, wants);
  if (asks_hook(loaded, path)) json["hook"] = loaded.hook->script;
  for (const policy::ActingRule* rule : acting_on(loaded, path)) json["on"].push_back(json_of(*rule));
  return json;
}

// JSON is UTF-8: bytes of a path that are not become U+FFFD.
std::string dumped(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::string_view word(policy::Network network) { return network == policy::Network::none ? "none" : "host"; }

}  // namespace

PathQuestion ask_about(const std::string& text, const std::string& directory, const policy::Resolver& resolve) {
  const std::string absolute = text.starts_with('/') ? text : directory + "/" + text;
  PathQuestion question{.path = cleaned(absolute), .resolved = without_symlinks(absolute, resolve)};
  if (question.resolved == question.path) question.resolved.reset();
  return question;
}

std::string explanation_text(const policy::LoadedPolicy& loaded, const PathQuestion& question,
                             std::span<const Want> wants) {
  std::string text = text_of(loaded, question.path, wants);
  if (question.resolved) text += "It leads to:\n" + text_of(loaded, *question.resolved, wants);
  return text;
}

std::string explanation_json(const policy::LoadedPolicy& loaded, const PathQuestion& question,
                             std::span<const Want> wants) {
  Json json = json_of(loaded, question.path, wants);
  json["resolved"] = question.resolved ? json_of(loaded, *question.resolved, wants) : Json();
  return dumped(json);
}

std::string rules_text(const policy::LoadedPolicy& loaded) {
  std::string text = "# profiles:";
  for (const std::string& profile : loaded.profiles) text += " " + profile;
  text += loaded.profiles.empty() ? " none\n" : "\n";
  if (loaded.network) text += "# network: " + std::string(word(*loaded.network)) + "\n";
  if (loaded.audit_log) text += "# audit log: " + printable(*loaded.audit_log) + "\n";
  for (const policy::Rule& rule : loaded.policy.rules()) {
    std::string kind(to_string(rule.kind));
    kind.resize(8, ' ');
    text += kind + " \"" + printable(rule.pattern) + "\" (" + printable(rule.origin) + ")\n";
  }
  if (loaded.hook) {
    text += "hook     \"" + printable(loaded.hook->script) + "\" (" + printable(loaded.hook->origin) + ")\n";
    for (const std::string& pattern : loaded.hook->patterns)
      text +=
          "  is asked about \"" + printable(pattern) + "\"" + (loaded.hook->looks ? "" : ", not about looks") + "\n";
  }
  for (const policy::ActingRule& rule : loaded.acting) text += rule.describe() + ": " + rule.deed() + "\n";
  for (const std::string& sentence : loaded.left_out) text += "# left out: " + printable(sentence) + "\n";
  return text;
}

std::string rules_json(const policy::LoadedPolicy& loaded) {
  Json rules = Json::array();
  for (const policy::Rule& rule : loaded.policy.rules()) rules.push_back(json_of(rule));
  Json json = {{"profiles", loaded.profiles},
               {"network", loaded.network ? Json(word(*loaded.network)) : Json()},
               {"audit_log", loaded.audit_log ? Json(*loaded.audit_log) : Json()},
               {"rules", std::move(rules)},
               {"left_out", loaded.left_out}};
  if (loaded.hook) json["hook"] = json_of(*loaded.hook);
  for (const policy::ActingRule& rule : loaded.acting) json["on"].push_back(json_of(rule));
  return dumped(json);
}

}  // namespace fusebox::cli
