// Taking files away, whatever they are (review layer).
#pragma once

#include <string>

#include "fusebox/result.h"

namespace fusebox::review {

// Removes `name` from an open directory, with all that lies below it, however deep; no error where it is not there.
// Stops with EXDEV where another file system is mounted below.
Result<> remove_tree(int directory, const std::string& name);

}  // namespace fusebox::review
