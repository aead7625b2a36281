// What a rule's pattern says, component by component, and how specific it is.
//
// Pure values.  docs/policy-language.md is the description for people.
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::policy {

// Why a text of the configuration cannot be used, without the place where it stands.
struct Complaint {
  std::string why;
  std::string remedy;  // may be empty
};

// One component with `*` in it: the literal pieces between the stars, so at least two, and empty ones at a bare star.
class Glob {
 public:
  explicit Glob(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

  // Time is at most the product of both lengths: no pattern makes it explode.
  bool matches(std::string_view name) const;

  const std::vector<std::string>& pieces() const { return pieces_; }
  bool operator==(const Glob&) const = default;

 private:
  std::vector<std::string> pieces_;
};

struct Component {
  enum class Kind : std::uint8_t {
    literal,
    glob,       // `*` stands for any bytes within the component, also none
    any_depth,  // `**`: any number of components, also none
  };
  Kind kind = Kind::literal;
  std::string text;  // with its escapes; equal texts match the same names
  std::string name;  // literal: the bytes it matches

  Glob glob() const;  // kind glob
  bool operator==(const Component&) const = default;
};

using Pattern = std::vector<Component>;  // none: "/"

// Takes "/usr/lib*/**/x".  Repeated slashes, "." components and a slash at the end mean nothing.  A backslash makes a
// following `*` or `\` literal.
std::expected<Pattern, Complaint> parse_pattern(std::string_view text);

// The text that parse_pattern() turns into `pattern`, without what means nothing.
std::string to_string(const Pattern& pattern);

// `bytes` as a pattern that matches just them.
std::string quoted(std::string_view bytes);

// An equal pattern in normal form.  A rule holds below its place too, hence "/a/**" is "/a" and "/a/**/*" is "/a/*".
Pattern normalised(Pattern pattern);

// Which of two patterns that match at the same place says more about it.
struct Specificity {
  std::uint32_t literals = 0;  // components
  std::uint32_t globs = 0;     // components
  std::uint64_t bytes = 0;     // literal ones
  auto operator<=>(const Specificity&) const = default;
};
Specificity specificity(const Pattern& normal);

}  // namespace fusebox::policy
