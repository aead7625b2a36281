// The part of a policy that a script decides: which one, and where it is asked.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace fusebox::policy {

struct HookRule {
  std::string script;                 // absolute, or as the policy file's own name is
  std::vector<std::string> patterns;  // as in Rule; none: the script is asked nothing, and only acts
  std::chrono::milliseconds time_limit{};
  bool looks = true;   // it is asked about looks (Want::stat), too
  std::string origin;  // "fusebox.toml:9:1"
};

}  // namespace fusebox::policy
