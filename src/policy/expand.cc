#include "policy/expand.h"

#include <algorithm>

namespace fusebox::policy {
namespace {

std::unexpected<ExpandError> complain(std::string why, std::string remedy) {
  return std::unexpected(ExpandError{{std::move(why), std::move(remedy)}, false});
}

bool is_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

}  // namespace

std::expected<std::string, ExpandError> expand(std::string_view text, const Variables& variables, Meaning meaning) {
  if (text.starts_with('~')) return complain("'~' in a path is not expanded", "write ${HOME}");
  std::string result;
  while (!text.empty()) {
    if (text.starts_with("\\${")) {
      result += "${";
      text.remove_prefix(3);
      continue;
    }
    if (!text.starts_with("${")) {
      // An escaped backslash goes on as it is, so that it cannot escape the dollar sign behind it.
      const std::size_t length = text.starts_with("\\\\") ? 2 : 1;
      result += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos)
      return complain("'${' without '}'", "close it, or write \\${ for the characters");
    const std::string_view name = text.substr(2, end - 2);
    text.remove_prefix(end + 1);
    if (!is_name(name)) {
      return complain("'" + std::string(name) + "' is not a variable's name", "use letters, digits and _");
    }
    const auto found = variables.find(name);
    if (found == variables.end() || found->second.empty()) {
      const std::string shown = "${" + std::string(name) + "}";
      return std::unexpected(
          ExpandError{{shown + " is not set", "set " + std::string(name) + ", or write the path"}, true});
    }
    const bool must_be_absolute = meaning == Meaning::pattern && result.empty();
    if (must_be_absolute && !found->second.starts_with('/')) {
      return complain("${" + std::string(name) + "} is '" + found->second + "', not an absolute path",
                      "set " + std::string(name) + " to a path that starts with /");
    }
    result += meaning == Meaning::pattern ? quoted(found->second) : found->second;
  }
  return result;
}

}  // namespace fusebox::policy
