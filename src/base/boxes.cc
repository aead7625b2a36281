#include "base/boxes.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

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

Outcome<Fd> open_box(const std::string& path, const std::string& called) {
  Fd box(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (box) return box;
  if (errno != ENOENT) return std::unexpected(fault_with_errno(called));
  return std::unexpected(
      Fault{.what = called, .why = "there is no such box", .remedy = "`fusebox boxes` names those that there are"});
}

Outcome<std::optional<Fd>> try_lock_box(const Fd& box, const std::string& called) {
  Fd lock(::openat(box.get(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock) return std::unexpected(fault_with_errno(called + ": its lock"));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return std::nullopt;
  return std::unexpected(fault_with_errno(called + ": its lock"));
}

Fault box_in_use(std::string called) {
  return {.what = std::move(called), .why = "in use by another run or apply", .remedy = "wait until that has ended"};
}

}  // namespace fusebox
