// What GNU make 4.3 reads back as the same name was found out by trying each character as part of a target and of a
// prerequisite; tests/unit/audit/make_rule_test.cc does it again with the make that is installed.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "audit/summary.h"

namespace fusebox::audit {
namespace {

enum class Side : std::uint8_t { target, prerequisite };

// Kernel interfaces have no content that a build could depend on.
bool is_kernel_interface(std::string_view path) {
  static constexpr auto kTrees = std::to_array<std::string_view>({"/dev/", "/proc/", "/sys/"});
  return std::ranges::any_of(kTrees, [&](std::string_view tree) { return path.starts_with(tree); });
}

bool is_output(const Touched& touched) { return (touched.created || touched.written) && !touched.deleted; }

bool is_input(const Touched& touched) { return touched.read && !touched.deleted && !is_output(touched); }

// '=' makes an assignment of the rule, ';' begins its recipe, "a(b)" is the member b of the archive a, '*', '?' and '['
// are patterns (their escaped forms work only where the file exists), and a backslash before one of the others would be
// taken for the escape.
bool has_no_form(std::string_view name) {
  static constexpr std::string_view kNoForm = "\n\r\t=;*?[";
  static constexpr std::string_view kEscapable = " #:%|\\";
  if (name.find_first_of(kNoForm) != std::string_view::npos || name.ends_with('\\') || name.ends_with('&')) return true;
  if (name.ends_with(')') && name.contains('(')) return true;
  for (std::size_t at = name.find('\\'); at != std::string_view::npos; at = name.find('\\', at + 1)) {
    if (kEscapable.contains(name[at + 1])) return true;
  }
  return false;
}

std::optional<std::string> escape(std::string_view name, Side side) {
  if (has_no_form(name)) return std::nullopt;
  std::string escaped;
  for (const char c : name) {
    if (c == ' ' || c == '#' || c == ':') escaped += '\\';
    // A pattern on the left only; '|' divides the right side only.
    if ((c == '%' && side == Side::target) || (c == '|' && side == Side::prerequisite)) escaped += '\\';
    if (c == '$') escaped += '$';
    escaped += c;
  }
  return escaped;
}

struct Names {
  std::string text;  // each but the first on a line of its own
  std::uint64_t count = 0;
  std::uint64_t left_out = 0;

  void add(std::string_view name, Side side) {
    const auto escaped = escape(name, side);
    if (!escaped) {
      ++left_out;
      return;
    }
    if (side == Side::prerequisite || count != 0) text += side == Side::target ? " \\\n" : " \\\n  ";
    text += *escaped;
    ++count;
  }
};

}  // namespace

std::string render_make_rule(const Summary& summary) {
  Names outputs;
  Names inputs;
  for (const auto& [path, touched] : summary.paths) {
    if (touched.is_directory || is_kernel_interface(path)) continue;
    if (is_output(touched)) outputs.add(path, Side::target);
    if (is_input(touched)) inputs.add(path, Side::prerequisite);
  }
  std::string text;
  if (const auto left_out = outputs.left_out + inputs.left_out; left_out != 0) {
    text += fmt::format("# {} name{} left out: make cannot express {}.\n", left_out, left_out == 1 ? "" : "s",
                        left_out == 1 ? "it" : "them");
  }
  if (summary.left_out != 0) text += "# Not complete: more paths were used than Fusebox remembers; the log has all.\n";
  if (outputs.count == 0) return text + "# Nothing was created or written.\n";
  return text + outputs.text + ":" + inputs.text + "\n";
}

}  // namespace fusebox::audit
