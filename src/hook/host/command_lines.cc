#include "hook/host/command_lines.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace fusebox::hook {
namespace {

// More than all words that execve(2) takes (6 MiB, fs/exec.c: bprm_stack_limits).
constexpr std::size_t kLongest = 8U << 20;

}  // namespace

std::string_view CommandLines::of(pid_t pid) {
  if (const auto found = files_.find(pid); found != files_.end()) {
    if (const std::string_view line = read(found->second); !line.empty()) return line;
    files_.erase(found);
  }
  if (files_.size() >= kMostFiles) files_.clear();
  Fd file(::open(("/proc/" + std::to_string(pid) + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  return read(files_.emplace(pid, std::move(file)).first->second);
}

// In one call, so that all words are those of one program.
std::string_view CommandLines::read(const Fd& file) {
  while (true) {
    const ssize_t length = ::pread(file.get(), buffer_.data(), buffer_.size(), 0);
    if (length <= 0) return {};
    const auto size = static_cast<std::size_t>(length);
    if (size < buffer_.size() || size >= kLongest) return {buffer_.data(), size};
    buffer_.resize(2 * buffer_.size());
  }
}

}  // namespace fusebox::hook
