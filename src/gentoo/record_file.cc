#include "gentoo/record_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

namespace fusebox::gentoo {
namespace {

constexpr std::string_view kHeader =
    "VERSION 1.0\n"
    "FORMAT: F - Function called\n"
    "FORMAT: S - Access Status\n"
    "FORMAT: P - Path as passed to function\n"
    "FORMAT: A - Absolute Path (not canonical)\n"
    "FORMAT: R - Canonical Path\n"
    "FORMAT: C - Command Line\n";

Result<> write_whole(const Fd& file, std::string_view text) {
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written < 0) return fail_with_errno();
  return static_cast<std::size_t>(written) == text.size() ? Result<>() : fail(Errno::io);
}

}  // namespace

std::string_view log_header() { return kHeader; }

Outcome<std::unique_ptr<RecordFile>> RecordFile::create(const std::string& path, const char* variable) {
  const std::filesystem::path where(path);
  const std::string called = std::string(variable) + " " + path;
  Fd directory(::open(where.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return std::unexpected(fault_with_errno(called, "name a file in a directory that is there"));
  const std::string name = where.filename().string();
  struct stat status{};
  const bool exists = ::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    return std::unexpected(Fault{
        .what = called, .why = "it exists and is not a regular file", .remedy = "name a file that can be made anew"});
  }
  if (exists && ::unlinkat(directory.get(), name.c_str(), 0) != 0) {
    return std::unexpected(fault_with_errno("remove the old " + called));
  }
  return std::unique_ptr<RecordFile>(new RecordFile(std::move(directory), name));
}

Result<Fd> RecordFile::open(bool& is_new) const {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  Fd file(::openat(directory_.get(), name_.c_str(), kFlags | O_CREAT | O_EXCL, 0644));
  is_new = static_cast<bool>(file);
  if (!file && errno == EEXIST) file = Fd(::openat(directory_.get(), name_.c_str(), kFlags));
  if (!file) return fail_with_errno();
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_with_errno();
  // Careful: another name would make us write to a file of the box's choice.
  if (!S_ISREG(status.st_mode) || status.st_nlink > 1) return fail(Errno::not_permitted);
  return file;
}

Result<> RecordFile::append(std::string_view record) {
  const std::lock_guard lock(mutex_);
  bool is_new = false;
  const Result<Fd> file = open(is_new);
  if (!file) return fail(file.error());
  return write_whole(*file, is_new ? std::string(kHeader).append(record) : record);
}

}  // namespace fusebox::gentoo
