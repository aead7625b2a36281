// How `fusebox policy` shows rules and decisions, to people and as JSON.  No I/O.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "policy/load.h"
#include "policy/policy.h"

namespace fusebox::cli {

// A path as the guard would be asked about it.
struct PathQuestion {
  std::string path;                     // absolute
  std::optional<std::string> resolved;  // without symlinks, where that is another path
};

// Cleans `text` up: absolute from `directory`, no ".", "..", repeated slashes.
PathQuestion ask_about(const std::string& text, const std::string& directory, const policy::Resolver& resolve);

std::string explanation_text(const policy::LoadedPolicy& loaded, const PathQuestion& question,
                             std::span<const policy::Want> wants);
std::string explanation_json(const policy::LoadedPolicy& loaded, const PathQuestion& question,
                             std::span<const policy::Want> wants);

std::string rules_text(const policy::LoadedPolicy& loaded);
std::string rules_json(const policy::LoadedPolicy& loaded);

}  // namespace fusebox::cli
