#include "gentoo/violation_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "gentoo/process_state.h"

namespace fusebox::gentoo {
namespace {

using audit::Op;

constexpr std::string_view kHeader =
    "VERSION 1.0\n"
    "FORMAT: F - Function called\n"
    "FORMAT: S - Access Status\n"
    "FORMAT: P - Path as passed to function\n"
    "FORMAT: A - Absolute Path (not canonical)\n"
    "FORMAT: R - Canonical Path\n"
    "FORMAT: C - Command Line\n";

// Behind the function's name and its colon.
constexpr std::size_t kColumn = 14;

void append_in_one_line(std::string& text, std::string_view bytes) {
  for (const char c : bytes) {
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\r') {
      text += "\\r";
    } else {
      text += c;
    }
  }
}

// Of a rename or link, the end that was refused.
std::string_view path_of(const audit::Event& event) { return event.refused_at_to ? event.to : event.path; }

Result<> write_whole(const Fd& file, std::string_view text) {
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written < 0) return fail_with_errno();
  return static_cast<std::size_t>(written) == text.size() ? Result<>() : fail(Errno::io);
}

Fault breach(const std::string& path) {
  return Fault{.what = "SANDBOX_LOG " + path,
               .why = "it exists and is not a regular file",
               .remedy = "name a file that can be made anew"};
}

}  // namespace

std::string_view function_of(const audit::Event& event) {
  const bool writes = (event.flags & O_ACCMODE) != O_RDONLY || (event.flags & O_TRUNC) != 0;
  switch (event.op) {
    case Op::open:
      return writes ? "open_wr" : "open_rd";
    case Op::create:
      return writes ? "open_wr_creat" : "open_rd_creat";
    case Op::exec:
      return "execve";
    case Op::list:
      return "opendir";
    case Op::utimes:
      return "utimensat";
    case Op::access:
      return "access_rd";
    default:
      return audit::to_string(event.op);
  }
}

std::string_view log_header() { return kHeader; }

std::string log_record(const audit::Event& event, std::string_view command_line) {
  std::string text = "\nF: ";
  text += function_of(event);
  text += "\nS: deny";
  for (const char* key : {"\nP: ", "\nA: ", "\nR: "}) {
    text += key;
    append_in_one_line(text, path_of(event));
  }
  text += "\nC: ";
  std::string command(command_line);
  for (char& c : command) {
    if (c == '\0') c = ' ';
  }
  append_in_one_line(text, command);
  return text += '\n';
}

std::string denial_message(const audit::Event& event, bool in_colour) {
  const std::string red = in_colour ? "\033[31;01m" : "";
  const std::string normal = in_colour ? "\033[0m" : "";
  std::string function(function_of(event));
  function += ':';
  function.resize(std::max(kColumn, function.size() + 1), ' ');
  return " " + red + "*" + normal + " " + red + "ACCESS DENIED" + normal + ":  " + function +
         printable(path_of(event)) + "\n";
}

ViolationLog::ViolationLog(Fd directory, std::string name, Fd proc, Messages messages)
    : directory_(std::move(directory)), name_(std::move(name)), proc_(std::move(proc)), messages_(messages) {}

Outcome<std::unique_ptr<ViolationLog>> ViolationLog::create(const std::string& path, Messages messages) {
  const std::filesystem::path where(path);
  Fd directory(::open(where.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    return std::unexpected(fault_with_errno("SANDBOX_LOG " + path, "name a file in a directory that is there"));
  }
  const std::string name = where.filename().string();
  struct stat status{};
  const bool exists = ::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists && !S_ISREG(status.st_mode)) return std::unexpected(breach(path));
  if (exists && ::unlinkat(directory.get(), name.c_str(), 0) != 0) {
    return std::unexpected(fault_with_errno("remove the old SANDBOX_LOG " + path));
  }
  Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return std::unexpected(fault_with_errno("/proc"));
  return std::unique_ptr<ViolationLog>(new ViolationLog(std::move(directory), name, std::move(proc), messages));
}

Result<Fd> ViolationLog::open(bool& is_new) const {
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

Result<> ViolationLog::add(const audit::Event& event) {
  const std::string record = log_record(event, command_line_of(proc_, event.tid));
  {
    const std::lock_guard lock(mutex_);
    bool is_new = false;
    const Result<Fd> file = open(is_new);
    if (!file) return fail(file.error());
    const Result<> written = write_whole(*file, is_new ? std::string(kHeader) + record : record);
    if (!written) return written;
  }
  if (!messages_.verbose) return {};
  const std::string message = denial_message(event, messages_.in_colour);
  // A reader that is gone loses the message, not the record.
  (void)!::write(STDERR_FILENO, message.data(), message.size());
  return {};
}

}  // namespace fusebox::gentoo
