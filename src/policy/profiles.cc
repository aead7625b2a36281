#include "policy/profiles.h"

#include <algorithm>
#include <array>

#include "base/embedded.h"

namespace fusebox::policy {
namespace {

constexpr char kDefault[] = {
#embed "../../profiles/default.toml"
};
constexpr char kBuild[] = {
#embed "../../profiles/build.toml"
};
constexpr char kGentoo[] = {
#embed "../../profiles/gentoo.toml"
};
constexpr char kSecrets[] = {
#embed "../../profiles/secrets.toml"
};
constexpr char kStrict[] = {
#embed "../../profiles/strict.toml"
};

constexpr std::array kProfiles = {embedded("default", kDefault), embedded("build", kBuild), embedded("gentoo", kGentoo),
                                  embedded("strict", kStrict), embedded("secrets", kSecrets)};

constexpr auto kNames = [] {
  std::array<std::string_view, kProfiles.size()> names;
  std::ranges::transform(kProfiles, names.begin(), &EmbeddedText::name);
  return names;
}();

}  // namespace

std::span<const std::string_view> profile_names() { return kNames; }

std::optional<std::string_view> profile_text(std::string_view name) {
  const auto found = std::ranges::find(kProfiles, name, &EmbeddedText::name);
  if (found == kProfiles.end()) return std::nullopt;
  return found->text;
}

}  // namespace fusebox::policy
