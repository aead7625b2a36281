// A value in a JSON text together with where it stands, read strictly: the first thing that is not as it should be is
// kept as a Fault, and reading goes on with nothing in its place.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/fault.h"

namespace fusebox::seccomp {

// Of one text. Its Faults have ExitCode::usage: what is wrong is what the user gave.
class Complaints {
 public:
  explicit Complaints(std::string name) : name_(std::move(name)) {}

  void add(const std::string& where, std::string why, std::string remedy = {});
  const std::optional<Fault>& first() const { return first_; }

 private:
  std::string name_;  // of the text: "default.json"
  std::optional<Fault> first_;
};

// A view: `value` and `complaints` outlive it. A key whose value is null counts as absent.
class JsonPlace {
 public:
  JsonPlace(const nlohmann::json& value, std::string where, Complaints& complaints)
      : value_(&value), where_(std::move(where)), complaints_(&complaints) {}

  void complain(std::string why, std::string remedy = {}) const;

  // Complains where this is no object, or has another key than these.
  void expect_keys(std::span<const std::string_view> known) const;
  bool has(std::string_view key) const;
  JsonPlace at(std::string_view key) const;  // only where has(key)

  std::vector<JsonPlace> list() const;
  std::vector<std::string> texts() const;
  std::string text() const;
  std::uint64_t number(std::uint64_t largest) const;

 private:
  const nlohmann::json* value_;
  std::string where_;  // "syscalls[3].action"
  Complaints* complaints_;
};

// The largest profile that is read: Docker's own is 20 KB.
inline constexpr std::size_t kLargestProfile = 4u << 20;

// Parses `text`; the Fault says line and column.
Outcome<nlohmann::json> parse_json(std::string_view text, const std::string& name);

}  // namespace fusebox::seccomp
