#include "policy/pattern.h"

#include <algorithm>

namespace fusebox::policy {
namespace {

// Splits one component at its unescaped stars; one piece: it has none.
std::vector<std::string> split_at_stars(std::string_view text) {
  std::vector<std::string> pieces(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escapes = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '*' || text[i + 1] == '\\');
    if (escapes) {
      pieces.back() += text[++i];
    } else if (text[i] == '*') {
      pieces.emplace_back();
    } else {
      pieces.back() += text[i];
    }
  }
  return pieces;
}

// Two stars in a row, of which neither is escaped.
bool has_double_star(const std::vector<std::string>& pieces) {
  for (std::size_t i = 1; i + 1 < pieces.size(); ++i) {
    if (pieces[i].empty()) return true;
  }
  return false;
}

bool is_bare_star(const Component& component) {
  return component.kind == Component::Kind::glob && component.text == "*";
}

bool is_wild(const Component& component) {
  return component.kind == Component::Kind::any_depth || is_bare_star(component);
}

std::expected<Component, Complaint> parse_component(std::string_view text) {
  if (text == "..") {
    return std::unexpected(Complaint{"'..' in a rule", "name the directory itself"});
  }
  if (text == "**") return Component{Component::Kind::any_depth, "**", {}};
  std::vector<std::string> pieces = split_at_stars(text);
  if (has_double_star(pieces)) {
    return std::unexpected(Complaint{"'**' beside other text in one component", "write it between two slashes"});
  }
  std::string canonical = quoted(pieces[0]);
  for (std::size_t i = 1; i < pieces.size(); ++i) canonical += "*" + quoted(pieces[i]);
  if (pieces.size() > 1) return Component{Component::Kind::glob, std::move(canonical), {}};
  return Component{Component::Kind::literal, std::move(canonical), std::move(pieces[0])};
}

}  // namespace

bool Glob::matches(std::string_view name) const {
  const std::string& head = pieces_.front();
  const std::string& tail = pieces_.back();
  if (name.size() < head.size() + tail.size()) return false;
  if (!name.starts_with(head) || !name.ends_with(tail)) return false;
  name = name.substr(head.size(), name.size() - head.size() - tail.size());
  // The leftmost place is always good enough for a piece between two stars.
  for (std::size_t i = 1; i + 1 < pieces_.size(); ++i) {
    const std::size_t at = name.find(pieces_[i]);
    if (at == std::string_view::npos) return false;
    name.remove_prefix(at + pieces_[i].size());
  }
  return true;
}

Glob Component::glob() const { return Glob(split_at_stars(text)); }

std::expected<Pattern, Complaint> parse_pattern(std::string_view text) {
  if (text.empty()) return std::unexpected(Complaint{"an empty path in a rule", "name a file or directory"});
  if (text.find('\0') != std::string_view::npos) {
    return std::unexpected(Complaint{"a NUL byte in a rule", "no file name can hold one"});
  }
  if (text.front() != '/') {
    return std::unexpected(
        Complaint{"relative path '" + std::string(text) + "' in a rule", "start it with / or ${PWD}/"});
  }
  Pattern pattern;
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view component = text.substr(0, text.find('/'));
    text.remove_prefix(component.size());
    if (component.empty() || component == ".") continue;
    auto parsed = parse_component(component);
    if (!parsed) return std::unexpected(std::move(parsed).error());
    pattern.push_back(*std::move(parsed));
  }
  return pattern;
}

std::string to_string(const Pattern& pattern) {
  if (pattern.empty()) return "/";
  std::string text;
  for (const Component& component : pattern) text += "/" + component.text;
  return text;
}

std::string quoted(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    if (byte == '*' || byte == '\\') text += '\\';
    text += byte;
  }
  return text;
}

Pattern normalised(Pattern pattern) {
  // Within a run of `*` and `**` only two things count: how many components it takes at least, and whether more.
  for (auto run = pattern.begin(); run != pattern.end();) {
    if (!is_wild(*run)) {
      ++run;
      continue;
    }
    auto end = std::find_if_not(run, pattern.end(), is_wild);
    const bool at_end = end == pattern.end();
    const auto deep = std::partition(run, end, is_bare_star);
    run = pattern.erase(deep == end || at_end ? deep : deep + 1, end);
  }
  return pattern;
}

Specificity specificity(const Pattern& normal) {
  Specificity sum;
  for (const Component& component : normal) {
    switch (component.kind) {
      case Component::Kind::literal:
        ++sum.literals;
        sum.bytes += component.name.size();
        break;
      case Component::Kind::glob:
        ++sum.globs;
        for (const std::string& piece : component.glob().pieces()) sum.bytes += piece.size();
        break;
      case Component::Kind::any_depth:
        break;
    }
  }
  return sum;
}

}  // namespace fusebox::policy
