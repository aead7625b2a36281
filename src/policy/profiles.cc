#include "policy/profiles.h"

#include <array>

namespace fusebox::policy {
namespace {

// #embed is C23; clang 19 takes it in C++ too and lists the files as dependencies.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
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
#pragma clang diagnostic pop

constexpr std::array<std::string_view, 5> kNames = {"default", "build", "gentoo", "strict", "secrets"};
constexpr std::array<std::string_view, 5> kTexts = {
    std::string_view(kDefault, sizeof kDefault), std::string_view(kBuild, sizeof kBuild),
    std::string_view(kGentoo, sizeof kGentoo), std::string_view(kStrict, sizeof kStrict),
    std::string_view(kSecrets, sizeof kSecrets)};

}  // namespace

std::span<const std::string_view> profile_names() { return kNames; }

std::optional<std::string_view> profile_text(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return kTexts[i];
  }
  return std::nullopt;
}

}  // namespace fusebox::policy
