// What is wrong with a profile's rules before anything is built of them.
#pragma once

#include <string>
#include <vector>

#include "fusebox/fault.h"
#include "seccomp/profile.h"

namespace fusebox::seccomp {

// A Fault (ExitCode::usage) where the profile would let pass what one of its rules stops:
//   * the rule names a call that this libseccomp does not know;
//   * the rule says what the default says, and so is none to the kernel, while another rule lets its call pass;
//   * a rule without conditions for the same call comes first: libseccomp keeps that one alone, wherever it stands.
// Where only less would be allowed than was meant, that is a warning, and the rule stays out.
Outcome<std::vector<std::string>> check(const Profile& profile, const std::string& name);

}  // namespace fusebox::seccomp
