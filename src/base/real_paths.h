// realpath(3) of many paths that lie close to each other, such as those of a policy's rules.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace fusebox {

// Looks at each directory on the way once; so it is for one look at a tree, not to be kept.  One thread.
class RealPaths {
 public:
  // The absolute `path` without symlinks, as realpath(3) gives it; nullopt where that fails.
  const std::optional<std::string>& of(const std::string& path);

 private:
  std::optional<std::string> look(const std::string& path);

  std::map<std::string, std::optional<std::string>> known_;
};

}  // namespace fusebox
