#include "base/boxes.h"

#include <unistd.h>

#include <cstdlib>

namespace fusebox {
namespace {

constexpr std::size_t kLongestName = 64;

}  // namespace

Outcome<> check_box_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  const bool is_good = !name.empty() && name.size() <= kLongestName && name.front() != '.' && name.front() != '-' &&
                       name.find_first_not_of(kAllowed) == std::string_view::npos;
  if (is_good) return {};
  return std::unexpected(
      Fault{.what = "box '" + std::string(name) + "'",
            .why = "not a name for a box",
            .remedy = "use up to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit",
            .code = ExitCode::usage});
}

Outcome<std::string> boxes_directory() {
  if (::geteuid() == 0) return "/var/lib/fusebox/boxes";
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && *data == '/') return std::string(data) + "/fusebox/boxes";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::string(home) + "/.local/share/fusebox/boxes";
  return std::unexpected(Fault{.what = "boxes", .why = "HOME is not set", .remedy = "set HOME or XDG_DATA_HOME"});
}

}  // namespace fusebox
