// Reads profiles in JSON: OCI's (opencontainers/runtime-spec, config-linux.md, "seccomp"), and what Docker and Podman
// write beyond it: `archMap`, `includes`, `excludes`, `comment`, `name`, `errno` and `defaultErrno`.
#pragma once

#include <string>
#include <string_view>

#include "fusebox/fault.h"
#include "seccomp/circumstances.h"
#include "seccomp/profile.h"

namespace fusebox::seccomp {

struct ReadProfile {
  Profile profile;  // plain: what Docker's conditions leave of it
  // What was decided by the circumstances. All 0: the profile has no conditions.
  std::size_t conditional_rules = 0;
  std::size_t conditional_rules_that_hold = 0;
};

// `name` is what Faults call it. Strict: a key that no dialect has, a number that does not fit, an errnoRet for an
// action without one are Faults (ExitCode::usage). Whether libseccomp knows the calls is build()'s matter.
Outcome<ReadProfile> read_oci(std::string_view json, const std::string& name, const Circumstances& circumstances);

}  // namespace fusebox::seccomp
