// A look at a TOML text before the library parses it: what toml++ 3.3 does not survive is refused.
#pragma once

#include <optional>
#include <string_view>

#include "policy/pattern.h"
#include "policy/policy_file.h"

namespace fusebox::policy {

// Enough for some 100,000 rules.
inline constexpr std::size_t kLargestPolicyFile = 8u << 20;

struct ShapeError {
  Complaint complaint;
  Position at;
};

// toml++ 3.3 makes a table for each part of a dotted key and destroys nested tables by recursion: "a.a.a..." of a
// megabyte ends in a stack overflow.  No policy file needs more than a few dots outside of strings, nor strings of
// several lines, behind which this look could not tell what is a string.  And some characters above ASCII in a bare key
// lead it to a point that it calls unreachable (is_unicode_letter); TOML 1.0 has none of them there.  And behind "[" or
// "[[" it takes for granted that a key begins (parse_key).
std::optional<ShapeError> check_shape(std::string_view text);

}  // namespace fusebox::policy
