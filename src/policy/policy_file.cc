#include "policy/policy_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <exception>

#include "policy/shape.h"
#include "policy/toml_values.h"

namespace fusebox::policy {
namespace {

constexpr std::array<std::string_view, 8> kTopKeys = {"include", "order", "files", "audit",
                                                      "box",     "on",    "hook",  "actions"};
constexpr std::array<std::string_view, 6> kFilesKeys = {"read", "write", "predict", "discard", "deny", "hide"};
constexpr std::array<std::string_view, 1> kAuditKeys = {"log"};
constexpr std::array<std::string_view, 1> kBoxKeys = {"network"};
constexpr std::array<std::string_view, 1> kActionsKeys = {"wait_at_end"};

// Reads the parsed tables in turn.  The first thing that is wrong ends it, as a parse error would.
class Reader {
 public:
  explicit Reader(const std::string& name) : values_(name) {}

  Outcome<PolicyFile> read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      Outcome<> read = read_top(key, node);
      if (!read) return std::unexpected(std::move(read).error());
    }
    std::ranges::sort(file_.rules, {}, &FileRule::at);
    return std::move(file_);
  }

 private:
  std::unexpected<Fault> fault(Position at, std::string why, std::string remedy) const {
    return values_.fault(at, std::move(why), std::move(remedy));
  }

  Outcome<> read_top(const toml::key& key, const toml::node& node) {
    if (key == "include") return read_include(node);
    if (key == "order") return read_order(node);
    if (key == "files") return read_table(key, node, &Reader::read_files_key);
    if (key == "audit") return read_table(key, node, &Reader::read_audit_key);
    if (key == "box") return read_table(key, node, &Reader::read_box_key);
    if (key == "actions") return read_table(key, node, &Reader::read_actions_key);
    if (key == "on") return keep(read_acting_rules(values_, node), file_.acting);
    if (key == "hook") return keep(read_hook(values_, node), file_.hook);
    return values_.unknown(key, "", kTopKeys);
  }

  Outcome<> read_table(const toml::key& key, const toml::node& node,
                       Outcome<> (Reader::*read_key)(const toml::key&, const toml::node&)) {
    const std::string word(key.str());
    if (!node.is_table())
      return fault(position(node.source()), "'" + word + "' must be a table", "write [" + word + "]");
    for (const auto& [inner, value] : *node.as_table()) {
      Outcome<> read = (this->*read_key)(inner, value);
      if (!read) return read;
    }
    return {};
  }

  Outcome<> read_include(const toml::node& node) {
    return keep(values_.strings("include", node, R"(include = ["default"])"), file_.include);
  }

  Outcome<> read_order(const toml::node& node) {
    const auto value = node.value_exact<std::string>();
    if (value == "specific") return {};
    if (value == "gentoo") {
      return fault(position(node.source()), "order = \"gentoo\" is not supported by this version", "leave it out");
    }
    return fault(position(node.source()), "'order' must be \"specific\"", "leave it out: it is the default");
  }

  Outcome<> read_files_key(const toml::key& key, const toml::node& node) {
    const std::string word(key.str());
    for (const RuleKind kind : kRuleKinds) {
      if (word != to_string(kind)) continue;
      auto texts = values_.strings(word, node, word + R"( = ["/path"])");
      if (!texts) return std::unexpected(std::move(texts).error());
      for (Placed& text : *texts) file_.rules.push_back({kind, std::move(text.text), text.at});
      return {};
    }
    return values_.unknown(key, " in [files]", kFilesKeys);
  }

  Outcome<> read_audit_key(const toml::key& key, const toml::node& node) {
    if (key != "log") return values_.unknown(key, " in [audit]", kAuditKeys);
    return keep(values_.text("log", node, "the name of a file", R"(log = "audit.jsonl")"), file_.audit_log);
  }

  Outcome<> read_box_key(const toml::key& key, const toml::node& node) {
    if (key != "network") return values_.unknown(key, " in [box]", kBoxKeys);
    const auto value = node.value_exact<std::string>();
    if (value == "host") {
      file_.network = Network::host;
    } else if (value == "none") {
      file_.network = Network::none;
    } else {
      return fault(position(node.source()), "'network' must be \"host\" or \"none\"", R"(write network = "none")");
    }
    return {};
  }

  Outcome<> read_actions_key(const toml::key& key, const toml::node& node) {
    if (key != "wait_at_end") return values_.unknown(key, " in [actions]", kActionsKeys);
    return keep(values_.duration("wait_at_end", node), file_.wait_at_end);
  }

  static Outcome<> keep(auto read, auto& into) {
    if (!read) return std::unexpected(std::move(read).error());
    into = *std::move(read);
    return {};
  }

  const TomlValues values_;
  PolicyFile file_;
};

Fault syntax_fault(const std::string& name, const toml::parse_error& error) {
  return Fault{.what = place(name, position(error.source())),
               .why = std::string(error.description()),
               .remedy = "see https://toml.io for the syntax"};
}

}  // namespace

std::string place(std::string_view file, Position at) {
  return std::string(file) + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

Outcome<PolicyFile> parse_policy_file(std::string_view text, const std::string& name) {
  if (const auto error = check_shape(text)) {
    return std::unexpected(
        Fault{.what = place(name, error->at), .why = error->complaint.why, .remedy = error->complaint.remedy});
  }
  try {
    const toml::table root = toml::parse(text);
    return Reader(name).read(root);
  } catch (const toml::parse_error& error) {
    return std::unexpected(syntax_fault(name, error));
  } catch (const std::exception& error) {
    return std::unexpected(Fault{.what = place(name, {1, 1}), .why = error.what(), .remedy = "simplify the file"});
  }
}

}  // namespace fusebox::policy
