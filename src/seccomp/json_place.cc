#include "seccomp/json_place.h"

#include <fmt/format.h>

#include <algorithm>

namespace fusebox::seccomp {

void Complaints::add(const std::string& where, std::string why, std::string remedy) {
  if (first_) return;
  first_ = Fault{.what = where.empty() ? name_ : name_ + ": " + where,
                 .why = std::move(why),
                 .remedy = std::move(remedy),
                 .code = ExitCode::usage};
}

void JsonPlace::complain(std::string why, std::string remedy) const {
  complaints_->add(where_, std::move(why), std::move(remedy));
}

void JsonPlace::expect_keys(std::span<const std::string_view> known) const {
  if (!value_->is_object()) return complain("must be an object");
  for (const auto& [key, value] : value_->items()) {
    // A misspelt "args" would make a rule hold for every call of its name.
    if (std::ranges::find(known, key) == known.end()) {
      complain("unknown key '" + key + "'", fmt::format("known are {}", fmt::join(known, ", ")));
    }
  }
}

bool JsonPlace::has(std::string_view key) const {
  if (!value_->is_object()) return false;
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

JsonPlace JsonPlace::at(std::string_view key) const {
  return {*value_->find(key), where_.empty() ? std::string(key) : where_ + "." + std::string(key), *complaints_};
}

std::vector<JsonPlace> JsonPlace::list() const {
  std::vector<JsonPlace> places;
  if (!value_->is_array()) {
    complain("must be an array");
    return places;
  }
  for (std::size_t i = 0; i < value_->size(); ++i) {
    places.emplace_back((*value_)[i], fmt::format("{}[{}]", where_, i), *complaints_);
  }
  return places;
}

std::vector<std::string> JsonPlace::texts() const {
  std::vector<std::string> texts;
  for (const JsonPlace& element : list()) texts.push_back(element.text());
  return texts;
}

std::string JsonPlace::text() const {
  if (value_->is_string()) return value_->get<std::string>();
  complain("must be a string");
  return {};
}

std::uint64_t JsonPlace::number(std::uint64_t largest) const {
  if (value_->is_number_unsigned() && value_->get<std::uint64_t>() <= largest) return value_->get<std::uint64_t>();
  complain(fmt::format("must be a whole number from 0 to {}", largest));
  return 0;
}

Outcome<nlohmann::json> parse_json(std::string_view text, const std::string& name) {
  if (text.size() > kLargestProfile) {
    return std::unexpected(
        Fault{.what = name, .why = "larger than 4 MiB", .remedy = "is it a profile?", .code = ExitCode::usage});
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    const std::string_view before = text.substr(0, error.byte == 0 ? 0 : error.byte - 1);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
    return std::unexpected(Fault{.what = fmt::format("{}:{}:{}", name, line, column),
                                 .why = "no JSON",
                                 .remedy = "a profile is one JSON object",
                                 .code = ExitCode::usage});
  } catch (const nlohmann::json::exception& error) {
    return std::unexpected(Fault{.what = name, .why = error.what(), .remedy = {}, .code = ExitCode::usage});
  }
}

}  // namespace fusebox::seccomp
