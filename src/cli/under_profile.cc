#include "cli/under_profile.h"

#include <unistd.h>

#include <cerrno>

#include "box/capabilities.h"
#include "box/seccomp_floor.h"
#include "cli/seccomp_profile.h"

namespace fusebox::cli {
namespace {

Outcome<box::OwnFilter> load_filter(const std::string& file) {
  const std::uint64_t capabilities = ::geteuid() == 0 ? box::bounding_capabilities() : 0;
  const auto loaded = load_profile({.file = file, .capabilities = capabilities});
  if (!loaded) return std::unexpected(loaded.error());
  print_notes(*loaded, file);
  return filter_of(*loaded, file);
}

}  // namespace

Fault run_under_profile(const std::vector<std::string>& words) {
  if (words.size() < 2) {
    return Fault{"run", "no command given", "fusebox seccomp run PROFILE.json COMMAND", ExitCode::usage};
  }
  const auto filter = load_filter(words[0]);
  if (!filter) return filter.error();
  std::vector<char*> arguments;
  for (std::size_t i = 1; i < words.size(); ++i) arguments.push_back(const_cast<char*>(words[i].c_str()));
  arguments.push_back(nullptr);
  if (auto applied = box::apply_filter(filter->program, filter->is_logged); !applied) return applied.error();
  ::execvp(arguments[0], arguments.data());
  const bool is_missing = errno == ENOENT;
  Fault fault = fault_with_errno("execute " + words[1]);
  fault.code = is_missing ? ExitCode::not_found : ExitCode::cannot_execute;
  return fault;
}

}  // namespace fusebox::cli
