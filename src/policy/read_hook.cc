#include "policy/toml_values.h"

namespace fusebox::policy {
namespace {

constexpr std::array<std::string_view, 4> kKeys = {"script", "paths", "time_limit", "looks"};

}  // namespace

Outcome<FileHook> read_hook(const TomlValues& values, const toml::node& node) {
  const Position at = position(node.source());
  if (!node.is_table()) return values.fault(at, "'hook' must be a table", "write [hook]");
  FileHook hook{.script = {}, .at = at};
  for (const auto& [key, value] : *node.as_table()) {
    if (key == "script") {
      auto script = values.text("script", value, "the name of a file", R"(script = "policy.rb")");
      if (!script) return std::unexpected(std::move(script).error());
      hook.script = *std::move(script);
    } else if (key == "paths") {
      auto paths = values.strings("paths", value, R"(paths = ["/path"])");
      if (!paths) return std::unexpected(std::move(paths).error());
      hook.paths = *std::move(paths);
    } else if (key == "time_limit") {
      const auto limit = values.duration("time_limit", value);
      if (!limit) return std::unexpected(limit.error());
      if (limit->count() == 0) {
        return values.fault(position(value.source()), "'time_limit' leaves no time", R"(write time_limit = "1s")");
      }
      hook.time_limit = *limit;
    } else if (key == "looks") {
      const auto looks = value.value_exact<bool>();
      if (!looks) {
        return values.fault(position(value.source()), "'looks' must be true or false", "write looks = false");
      }
      hook.looks = *looks;
    } else {
      return values.unknown(key, " in [hook]", kKeys);
    }
  }
  if (hook.script.text.empty()) return values.fault(at, "[hook] without 'script'", R"(write script = "policy.rb")");
  return hook;
}

}  // namespace fusebox::policy
