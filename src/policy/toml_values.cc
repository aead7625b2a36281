#include "policy/toml_values.h"

#include "policy/duration.h"
#include "policy/suggest.h"

namespace fusebox::policy {

Position position(const toml::source_region& region) {
  return {static_cast<std::uint32_t>(region.begin.line), static_cast<std::uint32_t>(region.begin.column)};
}

std::unexpected<Fault> TomlValues::fault(Position at, std::string why, std::string remedy) const {
  return std::unexpected(Fault{.what = place(file_, at), .why = std::move(why), .remedy = std::move(remedy)});
}

std::unexpected<Fault> TomlValues::unknown(const toml::key& key, const std::string& where,
                                           std::span<const std::string_view> known) const {
  return fault(position(key.source()), "unknown key '" + std::string(key.str()) + "'" + where,
               suggest(key.str(), known));
}

Outcome<std::vector<Placed>> TomlValues::strings(const std::string& word, const toml::node& node,
                                                 const std::string& example) const {
  const toml::array* array = node.as_array();
  if (!array) {
    return fault(position(node.source()), "'" + word + "' must be an array of strings", "write " + example);
  }
  std::vector<Placed> texts;
  for (const toml::node& element : *array) {
    const auto text = element.value_exact<std::string>();
    if (!text) {
      return fault(position(element.source()), "'" + word + "' holds something that is no string", "write " + example);
    }
    texts.push_back({*text, position(element.source())});
  }
  return texts;
}

Outcome<std::vector<Placed>> TomlValues::one_or_more(const std::string& word, const toml::node& node,
                                                     const std::string& example) const {
  if (const auto single = node.value_exact<std::string>()) return std::vector{Placed{*single, position(node.source())}};
  auto texts = strings(word, node, example);
  if (texts && texts->empty()) return fault(position(node.source()), "'" + word + "' is empty", "write " + example);
  return texts;
}

Outcome<Placed> TomlValues::text(const std::string& word, const toml::node& node, const std::string& what,
                                 const std::string& example) const {
  const auto value = node.value_exact<std::string>();
  const Position at = position(node.source());
  if (!value || value->empty() || value->find('\0') != std::string::npos) {
    return fault(at, "'" + word + "' must be " + what, "write " + example);
  }
  return Placed{*value, at};
}

Outcome<std::chrono::milliseconds> TomlValues::duration(const std::string& word, const toml::node& node) const {
  const auto value = node.value_exact<std::string>();
  const auto duration = value ? parse_duration(*value) : std::nullopt;
  if (!duration) {
    return fault(position(node.source()), "'" + word + "' must be a length of time, at most an hour",
                 "write " + word + R"( = "2s", or with ms or m)");
  }
  return *duration;
}

}  // namespace fusebox::policy
