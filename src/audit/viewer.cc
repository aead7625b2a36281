#include "audit/viewer.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "audit/event.h"
#include "audit/line_reader.h"
#include "audit/record.h"
#include "audit/record_text.h"

namespace fusebox::audit {
namespace {

class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}

  Result<void> add(std::string_view text) {
    static constexpr std::size_t kPiece = 64 * 1024;
    buffer_ += text;
    return buffer_.size() < kPiece ? Result<void>() : flush();
  }

  Result<void> flush() {
    for (std::string_view left = buffer_; !left.empty();) {
      const ssize_t count = ::write(fd_, left.data(), left.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail_with_errno();
      left.remove_prefix(static_cast<std::size_t>(count));
    }
    buffer_.clear();
    return {};
  }

 private:
  int fd_;
  std::string buffer_;
};

std::expected<Record, std::string> parse(const LineReader::Line& line) {
  if (line.is_too_long) return std::unexpected("too long to be a line of a log");
  auto record = parse_line(line.text);
  if (!record && !line.is_whole) return std::unexpected("the file ends within this line");
  return record;
}

Fault fault_of(const char* what, Errno error) {
  return Fault{.what = what, .why = std::strerror(std::to_underlying(error)), .remedy = {}};
}

}  // namespace

Outcome<std::uint64_t> show_log(int in, int out, const View& view,
                                const std::function<void(const std::string&)>& complain) {
  LineReader reader(in);
  Output output(out);
  std::uint64_t unreadable = 0;
  Result<void> written;
  while (written) {
    const auto line = reader.next();
    if (!line) return std::unexpected(fault_of("read the log", line.error()));
    if (!*line) break;
    const auto record = parse(**line);
    if (!record) {
      ++unreadable;
      complain("line " + std::to_string((*line)->number) + ": " + record.error());
    } else if (view.filter.matches(*record)) {
      written = output.add(view.json ? std::string((*line)->text) + '\n' : render(*record));
    }
  }
  if (written) written = output.flush();
  if (!written && written.error() != Errno{EPIPE}) return std::unexpected(fault_of("standard output", written.error()));
  return unreadable;
}

}  // namespace fusebox::audit
