// ${NAME} in the texts of the configuration.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "policy/pattern.h"

namespace fusebox::policy {

// What ${NAME} stands for.  Given by the caller: this layer never looks at the environment.
using Variables = std::map<std::string, std::string, std::less<>>;

// An unset variable is told apart because shipped profiles leave out a rule for it.  One that is empty counts as unset.
struct ExpandError {
  Complaint complaint;
  bool unset = false;
};

enum class Meaning {
  pattern,  // the values are paths: their stars and backslashes are made literal
  text,     // the values are put in as they are
};

// `\$` is a literal dollar sign where `${` would follow.
std::expected<std::string, ExpandError> expand(std::string_view text, const Variables& variables, Meaning meaning);

}  // namespace fusebox::policy
