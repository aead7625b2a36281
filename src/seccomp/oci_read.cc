#include "seccomp/oci_read.h"

#include <algorithm>
#include <array>
#include <limits>

#include "seccomp/architecture.h"
#include "seccomp/conditions.h"
#include "seccomp/errno_names.h"
#include "seccomp/json_place.h"
#include "seccomp/words.h"

namespace fusebox::seccomp {
namespace {

using std::string_view;

constexpr std::array<string_view, 9> kTopKeys = {"defaultAction", "defaultErrnoRet",  "defaultErrno",
                                                 "architectures", "archMap",          "flags",
                                                 "listenerPath",  "listenerMetadata", "syscalls"};
constexpr std::array<string_view, 9> kRuleKeys = {"names", "name",     "action",   "errnoRet", "errno",
                                                  "args",  "includes", "excludes", "comment"};
constexpr std::array<string_view, 4> kConditionKeys = {"index", "value", "valueTwo", "op"};
constexpr std::array<string_view, 2> kArchitectureKeys = {"architecture", "subArchitectures"};
constexpr std::array<string_view, 4> kFlags = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                               "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                               "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};

constexpr std::size_t kMostRules = 4096;

// Keys of an object that say an action and its errno.
struct ActionKeys {
  string_view action;
  string_view number;
  string_view name;  // Podman's: the same, as "EPERM"
};

class Reader {
 public:
  Reader(const Circumstances& circumstances) : circumstances_(circumstances) {}

  ReadProfile read(const JsonPlace& root) {
    root.expect_keys(kTopKeys);
    read_.profile.default_action = action(root, {"defaultAction", "defaultErrnoRet", "defaultErrno"});
    read_architectures(root);
    if (root.has("flags")) read_flags(root.at("flags"));
    if (root.has("listenerPath")) read_.profile.listener_path = root.at("listenerPath").text();
    if (root.has("listenerMetadata")) read_.profile.listener_metadata = root.at("listenerMetadata").text();
    if (root.has("syscalls")) {
      const std::vector<JsonPlace> rules = root.at("syscalls").list();
      if (rules.size() > kMostRules) root.at("syscalls").complain("more rules than the kernel takes instructions");
      for (const JsonPlace& rule : rules) read_rule(rule);
    }
    return std::move(read_);
  }

 private:
  static Action action(const JsonPlace& object, const ActionKeys& keys) {
    if (!object.has(keys.action)) {
      object.complain("'" + std::string(keys.action) + "' is missing");
      return {};
    }
    const JsonPlace place = object.at(keys.action);
    const std::string word = place.text();
    const auto kind = action_kind_of(word);
    if (!kind) {
      place.complain("unknown action '" + word + "'", "SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_ACT_KILL_PROCESS, ...");
      return {};
    }
    return {.kind = *kind, .datum = datum(object, keys, *kind)};
  }

  static std::uint16_t datum(const JsonPlace& object, const ActionKeys& keys, ActionKind kind) {
    const bool has_name = object.has(keys.name) && !object.at(keys.name).text().empty();
    const bool has_number = object.has(keys.number);
    if (!takes_datum(kind)) {
      if (has_number || has_name) {
        object.at(has_number ? keys.number : keys.name)
            .complain(std::string(oci_word(kind)) + " takes no errno", "leave it out, or say SCMP_ACT_ERRNO");
      }
      return 0;
    }
    const auto number = static_cast<std::uint16_t>(has_number ? object.at(keys.number).number(largest_datum(kind))
                                                              : static_cast<std::uint64_t>(EPERM));
    if (!has_name) return number;
    const JsonPlace place = object.at(keys.name);
    const auto named = errno_of(place.text());
    if (!named) place.complain("unknown errno '" + place.text() + "'");
    if (named && has_number && *named != number) place.complain("is another errno than the number beside it");
    return named.value_or(number);
  }

  void read_architectures(const JsonPlace& root) {
    const bool has_map = root.has("archMap") && !root.at("archMap").list().empty();
    if (root.has("architectures")) {
      const JsonPlace place = root.at("architectures");
      for (const JsonPlace& element : place.list()) add_architecture(element);
      if (has_map && !read_.profile.architectures.empty()) {
        place.complain("stands beside 'archMap'", "use one of the two");
      }
    }
    if (!has_map) return;
    for (const JsonPlace& entry : root.at("archMap").list()) read_map_entry(entry);
  }

  void read_map_entry(const JsonPlace& entry) {
    entry.expect_keys(kArchitectureKeys);
    if (!entry.has("architecture")) return entry.complain("'architecture' is missing");
    if (entry.at("architecture").text() != native_architecture().oci) return;
    add_architecture(entry.at("architecture"));
    if (!entry.has("subArchitectures")) return;
    for (const JsonPlace& element : entry.at("subArchitectures").list()) add_architecture(element);
  }

  void add_architecture(const JsonPlace& place) {
    std::string word = place.text();
    if (!word.starts_with("SCMP_ARCH_")) place.complain("no architecture", "such as SCMP_ARCH_X86_64");
    auto& architectures = read_.profile.architectures;
    if (std::ranges::find(architectures, word) == architectures.end()) architectures.push_back(std::move(word));
  }

  void read_flags(const JsonPlace& place) {
    for (const JsonPlace& element : place.list()) {
      std::string word = element.text();
      if (std::ranges::find(kFlags, word) == kFlags.end()) element.complain("unknown flag '" + word + "'");
      read_.profile.flags.push_back(std::move(word));
    }
  }

  void read_rule(const JsonPlace& place) {
    place.expect_keys(kRuleKeys);
    Rule rule;
    rule.names = names(place);
    rule.action = action(place, {"action", "errnoRet", "errno"});
    if (place.has("args")) {
      for (const JsonPlace& element : place.at("args").list()) add_condition(element, rule.conditions);
    }
    if (holds_here(place)) read_.profile.rules.push_back(std::move(rule));
  }

  static std::vector<std::string> names(const JsonPlace& place) {
    std::vector<std::string> names;
    if (place.has("names")) names = place.at("names").texts();
    if (place.has("name")) {
      if (!names.empty()) place.complain("has both 'name' and 'names'", "use 'names'");
      names.push_back(place.at("name").text());
    } else if (!place.has("names")) {
      place.complain("'names' is missing");
    }
    std::erase(names, "");
    return names;
  }

  static Condition condition(const JsonPlace& place) {
    place.expect_keys(kConditionKeys);
    for (const string_view key : {"index", "value", "op"}) {
      if (!place.has(key)) {
        place.complain("'" + std::string(key) + "' is missing");
        return {};
      }
    }
    constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
    Condition condition{.argument = static_cast<unsigned>(place.at("index").number(kArguments - 1)),
                        .value = place.at("value").number(kAny),
                        .value_two = place.has("valueTwo") ? place.at("valueTwo").number(kAny) : 0};
    const auto comparison = comparison_of(place.at("op").text());
    if (!comparison) place.at("op").complain("unknown comparison '" + place.at("op").text() + "'");
    condition.comparison = comparison.value_or(Comparison::eq);
    if (condition.comparison != Comparison::masked_eq) condition.value_two = 0;
    return condition;
  }

  static void add_condition(const JsonPlace& place, std::vector<Condition>& conditions) {
    const Condition added = condition(place);
    if (std::ranges::find(conditions, added.argument, &Condition::argument) != conditions.end()) {
      return place.complain("the same argument again, and libseccomp takes one condition on each",
                            "write a range as one masked comparison, alternatives as two rules");
    }
    conditions.push_back(added);
  }

  bool holds_here(const JsonPlace& place) {
    bool is_conditional = false;
    bool holds = true;
    for (const auto& [key, wanted] : {std::pair("includes", true), std::pair("excludes", false)}) {
      if (!place.has(key)) continue;
      const ConditionSet conditions = read_conditions(place.at(key));
      is_conditional = is_conditional || !conditions.is_empty();
      holds =
          holds && (wanted ? includes_hold(conditions, circumstances_) : !excludes_hold(conditions, circumstances_));
    }
    read_.conditional_rules += is_conditional ? 1 : 0;
    read_.conditional_rules_that_hold += is_conditional && holds ? 1 : 0;
    return holds;
  }

  const Circumstances& circumstances_;
  ReadProfile read_;
};

}  // namespace

Outcome<ReadProfile> read_oci(std::string_view json, const std::string& name, const Circumstances& circumstances) {
  const auto root = parse_json(json, name);
  if (!root) return std::unexpected(root.error());
  Complaints complaints(name);
  ReadProfile read = Reader(circumstances).read(JsonPlace(*root, "", complaints));
  if (complaints.first()) return std::unexpected(*complaints.first());
  return read;
}

}  // namespace fusebox::seccomp
