#include "audit/process_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace fusebox::audit {
namespace {

// The head of a small file; empty where it cannot be read.
std::string read_head(const Fd& proc, const std::string& path) {
  const Fd file(::openat(proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 2048> buffer;
  const ssize_t length = file ? ::read(file.get(), buffer.data(), buffer.size()) : -1;
  return length <= 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(length));
}

template <class T>
bool parse_number(std::string_view text, T& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

// 0 where the thread is gone.
pid_t thread_group(const Fd& proc, pid_t tid) {
  // ESRCH where the thread is not the leader of a group of its own (tgkill(2)); a hundredth of the price of the status
  // file.
  if (::tgkill(tid, tid, 0) == 0 || errno == EPERM) return tid;
  const std::string status = read_head(proc, fmt::format("{}/status", tid));
  static constexpr std::string_view kKey = "\nTgid:\t";
  const std::size_t at = status.find(kKey);
  pid_t group = 0;
  if (at == std::string::npos || !parse_number(std::string_view(status).substr(at + kKey.size()), group)) return 0;
  return group;
}

std::string executable(const Fd& proc, pid_t tid) {
  std::array<char, PATH_MAX> buffer;
  const ssize_t length = ::readlinkat(proc.get(), fmt::format("{}/exe", tid).c_str(), buffer.data(), buffer.size());
  std::string_view exe(buffer.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
  // The box's root is a mount of another namespace.  The kernel shows the path within that mount (tried on 6.18);
  // fs/d_path.c puts this in front of it where it is asked by getcwd(2), and may one day here.
  static constexpr std::string_view kUnreachable = "(unreachable)";
  if (exe.starts_with(kUnreachable)) exe.remove_prefix(kUnreachable.size());
  return std::string(exe);
}

}  // namespace

bool parse_stat(std::string_view text, Image& image) {
  // Field 2 is the command's name in parentheses; it may hold parentheses and spaces itself.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return false;
  text.remove_prefix(name_end + 1);
  static constexpr int kParent = 4;
  static constexpr int kStartTime = 22;
  static constexpr int kStartStack = 28;
  for (int field = 3; field <= kStartStack; ++field) {
    if (!text.starts_with(' ')) return false;
    text.remove_prefix(1);
    if (field == kParent && !parse_number(text, image.parent)) return false;
    if (field == kStartTime && !parse_number(text, image.start_time)) return false;
    if (field == kStartStack && !parse_number(text, image.start_stack)) return false;
    text.remove_prefix(std::min(text.find(' '), text.size()));
  }
  return true;
}

std::optional<Image> look_at(const Fd& proc, pid_t tid) {
  const auto read_stat = [&](pid_t id, Image& into) {
    return parse_stat(read_head(proc, fmt::format("{}/stat", id)), into);
  };
  Image image;
  image.pid = thread_group(proc, tid);
  if (image.pid == 0 || !read_stat(tid, image)) return std::nullopt;
  // Careful: not all from the leader.  It may have ended before its threads, and shows no executable then.
  if (Image leader; image.pid != tid && read_stat(image.pid, leader)) image.start_time = leader.start_time;
  image.exe = executable(proc, tid);
  return image;
}

}  // namespace fusebox::audit
