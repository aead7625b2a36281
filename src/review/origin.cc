#include "review/origin.h"

#include <fmt/format.h>

#include <charconv>

namespace fusebox::review {
namespace {

// Takes what stands before the next ':' off the front; all of it where there is none.
std::string_view take_field(std::string_view& text) {
  const std::size_t colon = text.find(':');
  const std::string_view field = text.substr(0, colon);
  text.remove_prefix(colon == std::string_view::npos ? text.size() : colon + 1);
  return field;
}

template <class Number>
bool parse_number(std::string_view text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool take_time(std::string_view& text, timespec& time) {
  const auto parsed = parse_time(take_field(text));
  if (parsed) time = *parsed;
  return parsed.has_value();
}

}  // namespace

std::optional<timespec> parse_time(std::string_view text) {
  constexpr std::size_t kDigits = 9;
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.size() != dot + 1 + kDigits || text[dot + 1] == '-') return std::nullopt;
  timespec time{};
  if (!parse_number(text.substr(0, dot), time.tv_sec) || !parse_number(text.substr(dot + 1), time.tv_nsec)) {
    return std::nullopt;
  }
  return time;
}

std::string to_text(const timespec& time) { return fmt::format("{}.{:09}", time.tv_sec, time.tv_nsec); }

std::optional<Origin> parse_origin(std::string_view text) {
  Origin origin;
  const bool is_whole = parse_number(take_field(text), origin.device) && parse_number(take_field(text), origin.inode) &&
                        parse_number(take_field(text), origin.size) && take_time(text, origin.mtime) &&
                        take_time(text, origin.ctime);
  if (!is_whole) return std::nullopt;
  if (text.empty()) return origin;
  Origin::Owner owner;
  if (!parse_number(take_field(text), owner.mode, 8) || !parse_number(take_field(text), owner.uid) ||
      !parse_number(take_field(text), owner.gid)) {
    return std::nullopt;
  }
  origin.owner = owner;
  if (!text.empty()) origin.path = std::string(text);
  return origin;
}

std::string to_text(const Origin& origin) {
  std::string text = fmt::format("{}:{}:{}:{}:{}", origin.device, origin.inode, origin.size, to_text(origin.mtime),
                                 to_text(origin.ctime));
  if (!origin.owner) return text;
  text += fmt::format(":{:o}:{}:{}", origin.owner->mode, origin.owner->uid, origin.owner->gid);
  if (origin.path) text += ":" + *origin.path;
  return text;
}

}  // namespace fusebox::review
