#include "seccomp/conditions.h"

#include <algorithm>
#include <array>

namespace fusebox::seccomp {
namespace {

constexpr std::array<std::string_view, 3> kKeys = {"caps", "arches", "minKernel"};

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

ConditionSet read_conditions(const JsonPlace& place) {
  place.expect_keys(kKeys);
  ConditionSet conditions;
  if (place.has("caps")) {
    for (const JsonPlace& element : place.at("caps").list()) {
      std::string name = element.text();
      // A misspelt one would be "not there", and let in what an exclusion should keep out.
      if (!is_capability_name(name)) element.complain("unknown capability '" + name + "'", "such as CAP_SYS_ADMIN");
      conditions.capabilities.push_back(std::move(name));
    }
  }
  if (place.has("arches")) conditions.architectures = place.at("arches").texts();
  if (place.has("minKernel")) {
    const JsonPlace version = place.at("minKernel");
    conditions.min_kernel = parse_kernel_version(version.text());
    if (!conditions.min_kernel) version.complain("no kernel version", "such as \"4.8\"");
  }
  return conditions;
}

bool includes_hold(const ConditionSet& conditions, const Circumstances& circumstances) {
  const auto is_there = [&](const std::string& name) { return contains(circumstances.capabilities, name); };
  if (!std::ranges::all_of(conditions.capabilities, is_there)) return false;
  if (!conditions.architectures.empty() && !contains(conditions.architectures, circumstances.architecture)) {
    return false;
  }
  return !conditions.min_kernel || circumstances.kernel >= *conditions.min_kernel;
}

bool excludes_hold(const ConditionSet& conditions, const Circumstances& circumstances) {
  const auto is_there = [&](const std::string& name) { return contains(circumstances.capabilities, name); };
  if (std::ranges::any_of(conditions.capabilities, is_there)) return true;
  if (contains(conditions.architectures, circumstances.architecture)) return true;
  return conditions.min_kernel && circumstances.kernel >= *conditions.min_kernel;
}

}  // namespace fusebox::seccomp
