// The order in which Gentoo's sandbox decides: lists of path prefixes, deny first, write before predict.
//
// A pure function.  Here a rule's pattern is no glob but the prefix as it stands in a SANDBOX_ variable, absolute; it
// may end in a slash.
#pragma once

#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace fusebox::policy {

// Does the entry `prefix` of a list name `path`, or something above it?  At component boundaries; one that ends in a
// slash names what lies below alone.
bool prefix_matches(std::string_view prefix, std::string_view path);

// `path` as for Policy::decide().  Kinds other than deny, read, write and predict say nothing.
Decision decide_as_gentoo(const std::vector<Rule>& rules, std::string_view path, Want want);

// As Policy::same_below().
bool same_below_as_gentoo(const std::vector<Rule>& rules, std::string_view from, std::string_view to);

}  // namespace fusebox::policy
