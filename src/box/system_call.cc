#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <ctime>
#include <string>

#include "box/box.h"

namespace fusebox::box {
namespace {

constexpr int kTries = 50;
constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 200'000};

}  // namespace

// proc(5): /proc/PID/syscall holds the number and the arguments, or the word "running".
std::optional<long> system_call_of(pid_t tid) {
  const Fd file(open(("/proc/" + std::to_string(tid) + "/syscall").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  for (int i = 0; i < kTries; ++i) {
    std::array<char, 256> text{};
    const ssize_t length = pread(file.get(), text.data(), text.size(), 0);
    if (length <= 0) return std::nullopt;
    long number = -1;
    if (std::from_chars(text.data(), text.data() + length, number).ec == std::errc{}) return number;
    nanosleep(&kPause, nullptr);
  }
  return std::nullopt;
}

}  // namespace fusebox::box
