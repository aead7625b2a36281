// Which of several sets of patterns a path belongs to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace fusebox::policy {

// Up to 64 sets, each of patterns as in a Rule: a path belongs to a set if one of its patterns matches it, or something
// above it.  Immutable: any thread may ask.
class PathSets {
 public:
  explicit PathSets(const std::vector<std::vector<std::string>>& sets);
  ~PathSets();
  PathSets(PathSets&&) noexcept;
  PathSets& operator=(PathSets&&) noexcept;

  // A bit for each set.  Costs what a decision of a policy does.  All of them for a path that is none.
  std::uint64_t at(std::string_view path) const;

  // May a name directly in this directory belong to a set?
  bool reaches_into(std::string_view directory) const;

 private:
  std::unique_ptr<const Policy::Index> index_;
  std::vector<std::uint64_t> bit_of_rule_;
};

}  // namespace fusebox::policy
