#include "policy/policy_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <exception>

#include "policy/shape.h"
#include "policy/suggest.h"

namespace fusebox::policy {
namespace {

constexpr std::array<std::string_view, 5> kTopKeys = {"include", "order", "files", "audit", "box"};
constexpr std::array<std::string_view, 6> kFilesKeys = {"read", "write", "predict", "discard", "deny", "hide"};
constexpr std::array<std::string_view, 1> kAuditKeys = {"log"};
constexpr std::array<std::string_view, 1> kBoxKeys = {"network"};

Position position(const toml::source_region& region) {
  return {static_cast<std::uint32_t>(region.begin.line), static_cast<std::uint32_t>(region.begin.column)};
}

// Reads the parsed tables in turn.  The first thing that is wrong ends it, as a parse error would.
class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

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
    return std::unexpected(Fault{.what = place(name_, at), .why = std::move(why), .remedy = std::move(remedy)});
  }

  std::unexpected<Fault> unknown(const toml::key& key, const std::string& where,
                                 std::span<const std::string_view> known) const {
    return fault(position(key.source()), "unknown key '" + std::string(key.str()) + "'" + where,
                 suggest(key.str(), known));
  }

  Outcome<> read_top(const toml::key& key, const toml::node& node) {
    if (key == "include") return read_include(node);
    if (key == "order") return read_order(node);
    if (key == "files") return read_table(key, node, &Reader::read_files_key);
    if (key == "audit") return read_table(key, node, &Reader::read_audit_key);
    if (key == "box") return read_table(key, node, &Reader::read_box_key);
    return unknown(key, "", kTopKeys);
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
    auto texts = strings("include", node, R"(include = ["default"])");
    if (!texts) return std::unexpected(std::move(texts).error());
    file_.include = *std::move(texts);
    return {};
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
      auto texts = strings(word, node, word + R"( = ["/path"])");
      if (!texts) return std::unexpected(std::move(texts).error());
      for (Placed& text : *texts) file_.rules.push_back({kind, std::move(text.text), text.at});
      return {};
    }
    return unknown(key, " in [files]", kFilesKeys);
  }

  Outcome<> read_audit_key(const toml::key& key, const toml::node& node) {
    if (key != "log") return unknown(key, " in [audit]", kAuditKeys);
    const auto value = node.value_exact<std::string>();
    const Position at = position(node.source());
    if (!value || value->empty() || value->find('\0') != std::string::npos) {
      return fault(at, "'log' must be the name of a file", R"(write log = "audit.jsonl")");
    }
    file_.audit_log = Placed{*value, at};
    return {};
  }

  Outcome<> read_box_key(const toml::key& key, const toml::node& node) {
    if (key != "network") return unknown(key, " in [box]", kBoxKeys);
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

  Outcome<std::vector<Placed>> strings(const std::string& word, const toml::node& node, const std::string& example) {
    const toml::array* array = node.as_array();
    if (!array) {
      return fault(position(node.source()), "'" + word + "' must be an array of strings", "write " + example);
    }
    std::vector<Placed> texts;
    for (const toml::node& element : *array) {
      const auto text = element.value_exact<std::string>();
      if (!text) {
        return fault(position(element.source()), "'" + word + "' holds something that is no string",
                     "write " + example);
      }
      texts.push_back({*text, position(element.source())});
    }
    return texts;
  }

  const std::string& name_;
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
