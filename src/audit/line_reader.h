// Cuts a stream into lines without holding more than one of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fusebox/result.h"

namespace fusebox::audit {

class LineReader {
 public:
  // Longer than any line that the log writes: two paths of PATH_MAX, each escaped and in base64, are a tenth.
  static constexpr std::size_t kLongest = 1024 * 1024;

  struct Line {
    std::string_view text;  // without '\n'; good until the next call
    std::uint64_t number;   // from 1
    bool is_too_long;       // more than kLongest bytes; `text` is a part of it
    bool is_whole;          // it ended with '\n'
  };

  // Reads `fd` from where it stands, and does not own it.
  explicit LineReader(int fd) : fd_(fd) {}

  // Nothing at the end.
  Result<std::optional<Line>> next();

 private:
  Result<bool> fill();

  int fd_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what was not handed out
  std::uint64_t number_ = 0;
};

}  // namespace fusebox::audit
