// Which paths a rule's pattern stands for where symlinks are on its way.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "policy/load.h"
#include "policy/pattern.h"

namespace fusebox::policy {

// Asks a Resolver, each path once.
class SymlinkFree {
 public:
  explicit SymlinkFree(const Resolver& resolve) : resolve_(resolve) {}

  // `pattern` with its literal head as it is without symlinks, as far as it exists; nullopt where that is the same.
  std::optional<Pattern> form_of(const Pattern& pattern);

 private:
  const std::optional<std::string>& resolved(const std::string& path);

  const Resolver& resolve_;
  std::map<std::string, std::optional<std::string>> known_;
};

}  // namespace fusebox::policy
