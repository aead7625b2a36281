#include "gentoo/process_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "audit/process_file.h"

namespace fusebox::gentoo {
namespace {

// Larger than any environment that execve(2) takes (6 MiB, fs/exec.c: bprm_stack_limits).
constexpr std::size_t kLongest = 8u << 20;

std::string read_whole(const Fd& proc, pid_t pid, const char* name) {
  const std::string path = std::to_string(pid) + "/" + name;
  const Fd file(::openat(proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::size_t length = 0;
  while (file && length < kLongest) {
    text.resize(std::max<std::size_t>(2 * length, 16384));
    const ssize_t count = ::read(file.get(), text.data() + length, text.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    length += static_cast<std::size_t>(count);
  }
  text.resize(length);
  return text;
}

}  // namespace

std::optional<std::uint64_t> start_time_of(const Fd& proc, pid_t pid) {
  audit::Image image;
  if (!audit::parse_stat(read_whole(proc, pid, "stat"), image)) return std::nullopt;
  return image.start_time;
}

std::string environment_of(const Fd& proc, pid_t pid) { return read_whole(proc, pid, "environ"); }

std::string command_line_of(const Fd& proc, pid_t pid) { return read_whole(proc, pid, "cmdline"); }

}  // namespace fusebox::gentoo
