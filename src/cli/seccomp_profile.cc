#include "cli/seccomp_profile.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "cli/script_filter.h"
#include "seccomp/check.h"
#include "seccomp/circumstances.h"
#include "seccomp/filter.h"
#include "seccomp/json_place.h"
#include "seccomp/oci_read.h"

namespace fusebox::cli {
namespace {

Outcome<std::string> read_file(const std::string& path) {
  // O_NONBLOCK: a FIFO without a writer must not hold us up before we see what it is.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return std::unexpected(fault_with_errno(path, "name a profile in JSON, or a script *.rb"));
  }
  if (S_ISDIR(status.st_mode)) {
    return std::unexpected(Fault{path, "it is a directory", "name a profile in JSON, or a script *.rb"});
  }
  std::string text;
  char buffer[16384];
  while (text.size() <= seccomp::kLargestProfile) {  // what is larger is parse_json()'s complaint
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(fault_with_errno(path));
    if (count == 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

std::string circumstances_note(const seccomp::ReadProfile& read, const seccomp::Circumstances& circumstances) {
  return fmt::format(
      "{} of {} conditional rules hold, for {}, Linux {}.{} and the capabilities {}", read.conditional_rules_that_hold,
      read.conditional_rules, circumstances.architecture, circumstances.kernel.major, circumstances.kernel.minor,
      circumstances.capabilities.empty() ? "(none)" : fmt::format("{}", fmt::join(circumstances.capabilities, " ")));
}

Outcome<LoadedProfile> load_json(const ProfileOptions& options) {
  const auto text = read_file(options.file);
  if (!text) return std::unexpected(text.error());
  const auto circumstances = seccomp::circumstances_here(options.capabilities);
  auto read = seccomp::read_oci(*text, options.file, circumstances);
  if (!read) return std::unexpected(read.error());
  LoadedProfile loaded{.profile = std::move(read->profile), .notes = {}};
  if (read->conditional_rules > 0) loaded.notes.push_back(circumstances_note(*read, circumstances));
  return loaded;
}

Outcome<LoadedProfile> load_script(const ProfileOptions& options) {
  auto profile = profile_of_script(options.file, options.script_arguments);
  if (!profile) return std::unexpected(profile.error());
  return LoadedProfile{.profile = *std::move(profile), .notes = {}};
}

bool needs_somebody(const seccomp::Action& action) {
  return action.kind == seccomp::ActionKind::notify || action.kind == seccomp::ActionKind::trace;
}

}  // namespace

bool is_script(const std::string& file) { return file.ends_with(".rb"); }

Outcome<LoadedProfile> load_profile(const ProfileOptions& options) {
  auto loaded = is_script(options.file) ? load_script(options) : load_json(options);
  if (!loaded) return loaded;
  auto warnings = seccomp::check(loaded->profile, options.file);
  if (!warnings) return std::unexpected(warnings.error());
  for (std::string& warning : *warnings) loaded->notes.push_back("warning: " + std::move(warning));
  return loaded;
}

void print_notes(const LoadedProfile& loaded, const std::string& file) {
  for (const std::string& note : loaded.notes) {
    const std::string line = "fusebox: " + printable(file) + ": " + printable(note) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
}

Outcome<box::OwnFilter> filter_of(const LoadedProfile& loaded, const std::string& file) {
  const seccomp::Profile& profile = loaded.profile;
  const bool asks = needs_somebody(profile.default_action) ||
                    std::ranges::any_of(profile.rules, needs_somebody, &seccomp::Rule::action);
  if (asks) {
    return std::unexpected(Fault{.what = file,
                                 .why = "an action notify or trace, and nobody is there to answer",
                                 .remedy = "a script that answers runs by `fusebox seccomp run FILE.rb`",
                                 .code = ExitCode::usage});
  }
  const auto context = seccomp::build(profile);
  if (!context) return std::unexpected(context.error());
  auto program = seccomp::compile(*context);
  if (!program) return std::unexpected(program.error());
  const bool is_logged = std::ranges::find(profile.flags, "SECCOMP_FILTER_FLAG_LOG") != profile.flags.end();
  return box::OwnFilter{.program = *std::move(program), .is_logged = is_logged};
}

}  // namespace fusebox::cli
