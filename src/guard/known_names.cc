#include "guard/known_names.h"

namespace fusebox::guard {

// Inode numbers of one device are spread well enough; the device rarely differs.
std::size_t KnownNames::IdentityHash::operator()(const Identity& identity) const {
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ull;  // 2^64 divided by the golden ratio (Knuth, TAOCP 6.4)
  return (identity.inode * kSpread) ^ (identity.device * kSpread) ^ identity.generation;
}

KnownNames::Known KnownNames::used(const Identity& file, std::string_view path, bool may_be_only) {
  Shard& shard = shard_of(file);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.only.find(file);
  if (found == shard.only.end()) {
    if (!may_be_only || shard.only.size() >= kMostPerShard) return Known::several;
    shard.only.emplace(file, path);
    return Known::only;
  }
  if (found->second.empty()) return Known::several;
  if (found->second == path) return Known::only;
  found->second.clear();
  return Known::second;
}

bool KnownNames::is_only(const Identity& file, std::string_view path) const {
  const Shard& shard = shard_of(file);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.only.find(file);
  return found != shard.only.end() && !path.empty() && found->second == path;
}

}  // namespace fusebox::guard
