#include "gentoo/process_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>

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

// The field with this number of proc_pid_stat(5); `text` begins behind the second one.
std::optional<std::uint64_t> field(std::string_view text, int wanted) {
  for (int number = 3; text.starts_with(' '); ++number) {
    text.remove_prefix(1);
    if (number == wanted) {
      std::uint64_t value = 0;
      const bool is_number = std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
      return is_number ? std::optional(value) : std::nullopt;
    }
    text.remove_prefix(std::min(text.find(' '), text.size()));
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProcessState> state_of(const Fd& proc, pid_t pid) {
  const std::string text = read_whole(proc, pid, "stat");
  // The command's name, in parentheses, may hold parentheses and spaces itself.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const std::string_view rest = std::string_view(text).substr(name_end + 1);
  const auto parent = field(rest, 4);
  const auto start_time = field(rest, 22);
  const auto start_stack = field(rest, 28);
  if (!parent || !start_time || !start_stack) return std::nullopt;
  return ProcessState{.parent = static_cast<pid_t>(*parent), .start_time = *start_time, .start_stack = *start_stack};
}

std::string environment_of(const Fd& proc, pid_t pid) { return read_whole(proc, pid, "environ"); }

std::string command_line_of(const Fd& proc, pid_t pid) { return read_whole(proc, pid, "cmdline"); }

}  // namespace fusebox::gentoo
