// From a profile to a filter for the kernel, by libseccomp.
#pragma once

#include <seccomp.h>

#include <memory>
#include <string>

#include "fusebox/fault.h"
#include "seccomp/profile.h"
#include "seccomp/program.h"

namespace fusebox::seccomp {

// libseccomp's own form of a filter.
struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

// libseccomp's functions give -errno and leave errno alone.
Fault fault_of_libseccomp(std::string what, int code);

// For the native architecture and those that the profile names.  Calls that are not known, and rules that say what the
// default says, are left out: check() has said what that means.
Outcome<Context> build(const Profile& profile);

Outcome<Program> compile(const Context& context);

// As text, in libseccomp's "pseudo filter code".
Outcome<std::string> pseudo_code(const Context& context);

}  // namespace fusebox::seccomp
