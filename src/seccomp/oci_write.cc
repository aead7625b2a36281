#include "seccomp/oci_write.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "seccomp/words.h"

namespace fusebox::seccomp {
namespace {

using Json = nlohmann::ordered_json;

void add_action(Json& object, const char* action_key, const char* errno_key, const Action& action) {
  object[action_key] = oci_word(action.kind);
  if (takes_datum(action.kind)) object[errno_key] = action.datum;
}

Json json_of(const Condition& condition) {
  Json json = {{"index", condition.argument}, {"value", condition.value}};
  if (condition.comparison == Comparison::masked_eq) json["valueTwo"] = condition.value_two;
  json["op"] = oci_word(condition.comparison);
  return json;
}

Json json_of(const Rule& rule) {
  Json json = {{"names", rule.names}};
  add_action(json, "action", "errnoRet", rule.action);
  for (const Condition& condition : rule.conditions) json["args"].push_back(json_of(condition));
  return json;
}

}  // namespace

Profile tidied(const Profile& profile) {
  Profile tidy = profile;
  tidy.rules.clear();
  for (const Rule& rule : profile.rules) {
    if (rule.names.empty()) continue;
    const auto same = std::ranges::find_if(tidy.rules, [&](const Rule& other) {
      return other.action == rule.action && other.conditions == rule.conditions;
    });
    if (same == tidy.rules.end()) {
      tidy.rules.push_back(rule);
    } else {
      same->names.insert(same->names.end(), rule.names.begin(), rule.names.end());
    }
  }
  for (Rule& rule : tidy.rules) {
    std::ranges::sort(rule.names);
    const auto doubles = std::ranges::unique(rule.names);
    rule.names.erase(doubles.begin(), doubles.end());
  }
  return tidy;
}

std::string write_oci(const Profile& profile) {
  const Profile tidy = tidied(profile);
  Json json;
  add_action(json, "defaultAction", "defaultErrnoRet", tidy.default_action);
  if (!tidy.architectures.empty()) json["architectures"] = tidy.architectures;
  if (!tidy.flags.empty()) json["flags"] = tidy.flags;
  if (!tidy.listener_path.empty()) json["listenerPath"] = tidy.listener_path;
  if (!tidy.listener_metadata.empty()) json["listenerMetadata"] = tidy.listener_metadata;
  json["syscalls"] = Json::array();
  for (const Rule& rule : tidy.rules) json["syscalls"].push_back(json_of(rule));
  // A name that is not UTF-8 could not have been read; a script may still make one.
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace fusebox::seccomp
