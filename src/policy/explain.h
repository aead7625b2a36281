// Why a decision is what it is, for `fusebox policy explain`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace fusebox::policy {

// A rule that matches the path, and the part it played.
struct Consideration {
  RuleId rule = kNoRule;
  std::string part;  // "decides", "less specific", "says nothing on reading"
};

struct Explanation {
  Decision decision;
  std::string reason;                     // one sentence
  std::vector<Consideration> considered;  // the most specific first
};

Explanation explain(const Policy& policy, std::string_view path, Want want);

}  // namespace fusebox::policy
