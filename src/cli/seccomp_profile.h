// Where the seccomp profiles of the command line come from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "box/box.h"
#include "fusebox/fault.h"
#include "seccomp/profile.h"

namespace fusebox::cli {

// A file named *.rb is a script; any other holds JSON.
bool is_script(const std::string& file);

struct ProfileOptions {
  std::string file;
  std::vector<std::string> script_arguments{};
  std::uint64_t capabilities = 0;  // of what is to be held to it, for Docker's conditions
};

struct LoadedProfile {
  seccomp::Profile profile;
  std::vector<std::string> notes;  // lines for people: what was decided by circumstances, what has no effect
};

// Reads and checks a profile.  A script is run in a process of its own, up to the first filter that it loads.
Outcome<LoadedProfile> load_profile(const ProfileOptions& options);

// To stderr, as "fusebox: FILE: note".
void print_notes(const LoadedProfile& loaded, const std::string& file);

// For a command that nobody supervises; so notify and trace, which ask somebody, are a Fault.
Outcome<box::OwnFilter> filter_of(const LoadedProfile& loaded, const std::string& file);

}  // namespace fusebox::cli
