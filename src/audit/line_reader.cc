#include "audit/line_reader.h"

#include <unistd.h>

namespace fusebox::audit {

// False at the end of the stream.
Result<bool> LineReader::fill() {
  static constexpr std::size_t kPiece = 64 * 1024;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kPiece);
  ssize_t count = 0;
  do {
    count = ::read(fd_, buffer_.data() + before, kPiece);
  } while (count < 0 && errno == EINTR);
  buffer_.resize(before + static_cast<std::size_t>(count < 0 ? 0 : count));
  if (count < 0) return fail_with_errno();
  return count > 0;
}

Result<std::optional<LineReader::Line>> LineReader::next() {
  bool too_long = false;
  std::size_t searched = begin_;
  while (true) {
    const std::size_t newline = buffer_.find('\n', searched);
    if (newline != std::string::npos) {
      const std::string_view text(buffer_.data() + begin_, newline - begin_);
      begin_ = newline + 1;
      return Line{
          .text = text, .number = ++number_, .is_too_long = too_long || text.size() > kLongest, .is_whole = true};
    }
    if (buffer_.size() - begin_ > kLongest) {
      too_long = true;
      begin_ = buffer_.size();
    }
    const std::size_t unread = buffer_.size() - begin_;
    const auto more = fill();
    if (!more) return fail(more.error());
    searched = unread;
    if (*more) continue;
    if (unread == 0 && !too_long) return std::nullopt;
    begin_ = buffer_.size();
    return Line{.text = buffer_, .number = ++number_, .is_too_long = too_long, .is_whole = false};
  }
}

}  // namespace fusebox::audit
