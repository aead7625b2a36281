// A policy with lists of the control directory on top.
#pragma once

#include <memory>

#include "policy/control_lists.h"
#include "policy/policy.h"

namespace fusebox::policy {

struct Policy::Control {
  std::shared_ptr<const Policy> base;
  std::shared_ptr<const Policy> ceiling;
  ControlLists lists;

  // Rules are those of `base`, then the orders for reading, then those for writing.
  std::vector<Rule> all_rules() const;
  Decision decide(std::string_view path, Want want) const;
  bool same_below(std::string_view from, std::string_view to) const;
};

}  // namespace fusebox::policy
