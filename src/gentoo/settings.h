// What the SANDBOX_ variables of a process say.  Plain values; no I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace fusebox::gentoo {

// As the variables hold them: path prefixes, separated by colons.
struct Settings {
  bool on = true;
  std::string deny{};
  std::string read{};
  std::string write{};
  std::string predict{};
  bool operator==(const Settings&) const = default;
};

// "1", "true" and "yes" are on, "0", "false" and "no" off, in any case; nothing for anything else.
std::optional<bool> parse_switch(std::string_view text);

// Takes over one variable, written "NAME=value"; others than SANDBOX_ON and the four lists say nothing.  Called for
// what is set alone: an unset variable keeps its last value, an empty one empties its list.
void apply(Settings& settings, std::string_view variable);

// The same for variables with a NUL behind each, as in /proc/PID/environ.
void apply_all(Settings& settings, std::string_view variables);

// The paths of a list as absolute ones, each once, and for each that leads through a symlink where it leads to.
// `resolve` gives a path without symlinks, as far as it exists.
struct PathForms {
  std::string directory;  // what relative paths count from; without symlinks
  std::string (*resolve)(const std::string& path);

  std::vector<std::string> of(std::string_view list) const;
};

// The policy in Gentoo's order.  While it is off, all is allowed.  What `ceiling` does not name cannot be written
// whatever the settings say; without one, there is no such limit.
policy::Policy policy_of(const Settings& settings, const PathForms& forms,
                         const std::optional<std::vector<std::string>>& ceiling);

}  // namespace fusebox::gentoo
