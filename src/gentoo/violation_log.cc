#include "gentoo/violation_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "gentoo/process_state.h"

namespace fusebox::gentoo {
namespace {

using audit::Op;

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

// What Gentoo's sandbox looks at: that something is there, and what a symlink says, anybody may know.
bool is_checked(Op op) {
  switch (op) {
    case Op::stat:
    case Op::readlink:
    case Op::getxattr:
    case Op::listxattr:
    case Op::read:
    case Op::write:
      return false;
    default:
      return true;
  }
}

struct Word {
  const char* text;
  const char* colour;
};

Word word_of(audit::Verdict verdict) {
  if (audit::is_permitted(verdict)) return {.text = "ALLOWED", .colour = "\033[32;01m"};
  if (verdict == audit::Verdict::predict) return {.text = "PREDICTED", .colour = "\033[33;01m"};
  return {.text = "DENIED", .colour = "\033[31;01m"};
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

std::string log_record(const audit::Event& event, std::string_view command_line) {
  std::string text = "\nF: ";
  text += function_of(event);
  text += audit::is_permitted(event.verdict) ? "\nS: allow" : "\nS: deny";
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

std::string access_message(const audit::Event& event, bool in_colour) {
  const Word word = word_of(event.verdict);
  const std::string colour = in_colour ? word.colour : "";
  const std::string normal = in_colour ? "\033[0m" : "";
  std::string function(function_of(event));
  function += ':';
  function.resize(std::max(kColumn, function.size() + 1), ' ');
  return " " + colour + "*" + normal + " " + colour + "ACCESS " + word.text + normal + ":  " + function +
         printable(path_of(event)) + "\n";
}

Outcome<std::unique_ptr<ViolationLog>> ViolationLog::create(const std::string& path, const std::string& debug_path,
                                                            Messages messages) {
  auto violations = RecordFile::create(path, "SANDBOX_LOG");
  if (!violations) return std::unexpected(violations.error());
  std::unique_ptr<RecordFile> all;
  if (!debug_path.empty()) {
    auto created = RecordFile::create(debug_path, "SANDBOX_DEBUG_LOG");
    if (!created) return std::unexpected(created.error());
    all = *std::move(created);
  }
  Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return std::unexpected(fault_with_errno("/proc"));
  return std::unique_ptr<ViolationLog>(
      new ViolationLog(*std::move(violations), std::move(all), std::move(proc), messages));
}

Result<> ViolationLog::add(const audit::Event& event) {
  const bool violation = event.verdict == audit::Verdict::deny;
  if (!violation && (!all_ || !is_checked(event.op))) return {};
  const std::string record = log_record(event, command_line_of(proc_, event.tid));
  if (violation) {
    if (const Result<> written = violations_->append(record); !written) return written;
  }
  // What is written for those who look for a mistake decides nothing: it may be lost.
  if (all_) (void)all_->append(record);
  if (!messages_.verbose) return {};
  const std::string message = access_message(event, messages_.in_colour);
  // A reader that is gone loses the message, not the record.
  (void)!::write(STDERR_FILENO, message.data(), message.size());
  return {};
}

}  // namespace fusebox::gentoo
