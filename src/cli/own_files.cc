#include "cli/own_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "base/real_paths.h"
#include "policy/pattern.h"

namespace fusebox::cli {
namespace {

void add_rule(const std::string& path, std::string option, policy::LoadedPolicy& policy) {
  std::vector<policy::Rule> rules = policy.policy.rules();
  // `predict` outweighs a `write` for the very same path.
  rules.push_back({policy::RuleKind::predict, policy::quoted(path), std::move(option)});
  policy.policy = policy::Policy(std::move(rules), policy.policy.changes());
}

}  // namespace

void protect(const Fd& file, std::string option, policy::LoadedPolicy& policy) {
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink == 0) return;
  std::error_code unreadable;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file.get()), unreadable);
  if (!unreadable && path.is_absolute()) add_rule(path, std::move(option), policy);
}

void protect(const std::string& path, std::string option, policy::LoadedPolicy& policy) {
  if (path.empty()) return;
  if (const auto resolved = RealPaths().of(path)) add_rule(*resolved, std::move(option), policy);
}

}  // namespace fusebox::cli
