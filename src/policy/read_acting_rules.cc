#include "policy/acting_rule.h"
#include "policy/suggest.h"
#include "policy/toml_values.h"

namespace fusebox::policy {
namespace {

constexpr std::array<std::string_view, 5> kKeys = {"event", "path", "run", "webhook", "time_limit"};
constexpr const char* kExample = R"([[on]] event = "write" path = "/etc" run = ["logger", "changed"])";

class Reader {
 public:
  explicit Reader(const TomlValues& values) : values_(values) {}

  Outcome<FileActingRule> read(const toml::table& table) {
    rule_.at = position(table.source());
    for (const auto& [key, value] : table) {
      Outcome<> read = read_key(key, value);
      if (!read) return std::unexpected(std::move(read).error());
    }
    const auto lacks = [&](const char* what) {
      return values_.fault(rule_.at, std::string("[[on]] without ") + what, std::string("write ") + kExample);
    };
    if (rule_.triggers.empty()) return lacks("'event'");
    if (rule_.paths.empty()) return lacks("'path'");
    if (rule_.run.empty() && !rule_.webhook) return lacks("'run' or 'webhook'");
    if (!rule_.run.empty() && rule_.webhook) {
      return values_.fault(rule_.at, "[[on]] with both 'run' and 'webhook'", "write a table for each");
    }
    return std::move(rule_);
  }

 private:
  Outcome<> read_key(const toml::key& key, const toml::node& node) {
    if (key == "event") return read_events(node);
    if (key == "path") return keep(values_.one_or_more("path", node, R"(path = "/etc")"), rule_.paths);
    if (key == "run") return read_run(node);
    if (key == "webhook")
      return keep(values_.text("webhook", node, "a URL", R"(webhook = "http://...")"), rule_.webhook);
    if (key == "time_limit") return keep(values_.duration("time_limit", node), rule_.time_limit);
    return values_.unknown(key, " in [[on]]", kKeys);
  }

  static Outcome<> keep(auto read, auto& into) {
    if (!read) return std::unexpected(std::move(read).error());
    into = *std::move(read);
    return {};
  }

  Outcome<> read_events(const toml::node& node) {
    const auto words = values_.one_or_more("event", node, R"(event = "write")");
    if (!words) return std::unexpected(words.error());
    for (const Placed& word : *words) {
      const auto trigger = parse_trigger(word.text);
      if (!trigger)
        return values_.fault(word.at, "unknown event '" + word.text + "'", suggest(word.text, kTriggerNames));
      rule_.triggers.add(*trigger);
    }
    return {};
  }

  Outcome<> read_run(const toml::node& node) {
    auto words = values_.strings("run", node, R"(run = ["logger", "changed"])");
    if (!words) return std::unexpected(std::move(words).error());
    if (words->empty()) return values_.fault(position(node.source()), "'run' is empty", R"(write run = ["logger"])");
    for (const Placed& word : *words) {
      if (word.text.find('\0') == std::string::npos) continue;
      return values_.fault(word.at, "a NUL byte in an argument", "no program can be given one");
    }
    rule_.run = *std::move(words);
    return {};
  }

  const TomlValues& values_;
  FileActingRule rule_;
};

}  // namespace

Outcome<std::vector<FileActingRule>> read_acting_rules(const TomlValues& values, const toml::node& node) {
  const toml::array* array = node.as_array();
  const bool is_tables = array != nullptr && !array->empty() && array->is_homogeneous(toml::node_type::table);
  if (!is_tables)
    return values.fault(position(node.source()), "'on' must be a table in double brackets", "write [[on]]");
  std::vector<FileActingRule> rules;
  for (const toml::node& element : *array) {
    if (rules.size() == ActingRule::kMost) {
      return values.fault(position(element.source()), "more than 64 rules that act", "name several paths in one");
    }
    auto rule = Reader(values).read(*element.as_table());
    if (!rule) return std::unexpected(std::move(rule).error());
    rules.push_back(*std::move(rule));
  }
  return rules;
}

}  // namespace fusebox::policy
