#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fusebox/fd.h"
#include "policy/load.h"
#include "policy/shape.h"

namespace fusebox::policy {
namespace {

std::unexpected<Fault> fault(const std::string& path, std::string why) {
  // Line and column as in every fault about a policy: an editor that reads it can open the file.
  return std::unexpected(
      Fault{.what = place(path, {1, 1}), .why = std::move(why), .remedy = "name a readable policy file"});
}

std::unexpected<Fault> fault_of_errno(const std::string& path) { return fault(path, fault_with_errno("").why); }

}  // namespace

Outcome<SourceFile> read_policy_file(const std::string& path) {
  if (path.find('\0') != std::string::npos) return fault(path, "a NUL byte in its name");
  // O_NONBLOCK: a FIFO without a writer must not hold us up before we see what it is.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) return fault_of_errno(path);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fault_of_errno(path);
  if (S_ISDIR(status.st_mode)) return fault(path, "it is a directory");
  if (!S_ISREG(status.st_mode)) return fault(path, "it is not a regular file");

  std::string text;
  char buffer[16384];
  while (text.size() <= kLargestPolicyFile) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fault_of_errno(path);
    if (count == 0) return SourceFile{path, std::move(text)};
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return fault(path, "larger than 8 MiB");
}

}  // namespace fusebox::policy
