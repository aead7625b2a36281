// One component of a path, checked when it is made.
#pragma once

#include <string_view>

#include "fusebox/result.h"

#pragma GCC visibility push(default)
namespace fusebox {

// Not empty, at most 255 bytes (NAME_MAX of every Linux file system we know), no '/', no NUL, neither "." nor "..".
// Bytes, not characters: any encoding.  A Name refers to memory of the request (or of whoever made it) and is
// NUL-terminated there; a node that keeps it copies it.
class Name {
 public:
  // `text` must be followed by a NUL in memory.  EINVAL, or ENAMETOOLONG above 255 bytes.
  static Result<Name> parse(std::string_view text);

  std::string_view text() const { return text_; }
  const char* c_str() const { return text_.data(); }

 private:
  explicit Name(std::string_view text) : text_(text) {}
  std::string_view text_;
};

}  // namespace fusebox
#pragma GCC visibility pop
