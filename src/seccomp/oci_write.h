// Writes a profile as plain OCI JSON.
#pragma once

#include <string>

#include "seccomp/profile.h"

namespace fusebox::seccomp {

// The same rules with names sorted and said once, and with those of equal action and conditions in one; rules without
// names left out.  What is written so is written the same again.
Profile tidied(const Profile& profile);

// Of the tidied profile, indented, with a newline at its end.
std::string write_oci(const Profile& profile);

}  // namespace fusebox::seccomp
