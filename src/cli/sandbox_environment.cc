#include "cli/sandbox_environment.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

namespace fusebox::cli {
namespace {

constexpr const char* kLogDirectory = "/var/log/sandbox";

std::string get(const gentoo::Environment& environment, std::string_view name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

std::string first_that_exists(std::initializer_list<std::filesystem::path> paths) {
  std::error_code unknown;
  for (const auto& path : paths) {
    if (std::filesystem::is_regular_file(path, unknown)) return path.lexically_normal().string();
  }
  return {};
}

std::string log_path(const gentoo::Environment& environment, const char* variable, const char* name,
                     const std::string& directory) {
  const auto given = environment.find(std::string_view(variable));
  if (given != environment.end()) {
    return given->second.starts_with('/') ? given->second : directory + "/" + given->second;
  }
  const bool may_use_common = ::access(kLogDirectory, W_OK) == 0;
  const std::string folder = may_use_common ? kLogDirectory : get(environment, "TMPDIR");
  return folder + name + std::to_string(::getpid()) + ".log";
}

void add_preload(gentoo::Environment& environment, const std::string& reporter) {
  if (reporter.empty()) return;
  std::string& preloaded = environment["LD_PRELOAD"];
  if (preloaded.find(reporter) != std::string::npos) return;
  preloaded = preloaded.empty() ? reporter : reporter + " " + preloaded;
}

}  // namespace

SandboxFiles find_sandbox_files() {
  std::error_code unknown;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (unknown) return {};
  const auto folder = program.parent_path();
  return {.reporter = first_that_exists({folder / ".." / FUSEBOX_LIBRARIES / "fusebox/libfusebox-reporter.so",
                                         folder / "libfusebox-reporter.so"}),
          .bash_rc =
              first_that_exists({folder / ".." / FUSEBOX_DATA / "fusebox/sandbox.bashrc", folder / "sandbox.bashrc"})};
}

gentoo::Environment own_environment() {
  gentoo::Environment environment;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      environment.try_emplace(std::string(text.substr(0, equals)), text.substr(equals + 1));
  }
  return environment;
}

SandboxStart prepare_sandbox(gentoo::Environment environment, const gentoo::Configuration& configuration,
                             const SandboxFiles& files, const std::string& directory, bool interactive) {
  std::error_code unknown;
  if (!std::filesystem::is_directory(get(environment, "TMPDIR"), unknown)) environment["TMPDIR"] = "/tmp";
  environment.try_emplace("HOME", environment["TMPDIR"]);
  // Portage names what may be written itself.
  const bool is_portage = environment.contains("PORTAGE_TMPDIR");
  if (interactive && !is_portage) environment["SANDBOX_WORKDIR"] = directory;
  const std::string log = log_path(environment, "SANDBOX_LOG", "/sandbox-", directory);
  const std::string debug_log = log_path(environment, "SANDBOX_DEBUG_LOG", "/sandbox-debug-", directory);
  gentoo::add_configuration(environment, configuration, is_portage ? std::string() : directory);

  environment["SANDBOX_ON"] = "1";
  environment["SANDBOX_ACTIVE"] = "armedandready";
  environment["SANDBOX_LIB"] = files.reporter;
  environment["SANDBOX_BASHRC"] = files.bash_rc;
  environment["SANDBOX_LOG"] = log;
  environment["SANDBOX_DEBUG_LOG"] = debug_log;
  environment["SANDBOX_MESSAGE_P@TH"] = "/proc/" + std::to_string(::getpid()) + "/fd/2";
  environment.try_emplace("SANDBOX_VERBOSE", "1");
  environment.try_emplace("SANDBOX_DEBUG", "0");
  environment.try_emplace("SANDBOX_METHOD", "any");
  environment.try_emplace("NOCOLOR", "no");
  if (!files.bash_rc.empty()) environment["BASH_ENV"] = files.bash_rc;
  add_preload(environment, files.reporter);

  SandboxStart start{.environment = {},
                     .settings = {},
                     .log = log,
                     .debug_log = gentoo::parse_switch(environment["SANDBOX_DEBUG"]).value_or(false) ? debug_log : "",
                     .verbose = gentoo::parse_switch(environment["SANDBOX_VERBOSE"]).value_or(false),
                     .in_colour = !gentoo::parse_switch(environment["NOCOLOR"]).value_or(false)};
  for (const auto& [name, value] : environment) {
    std::string line = name;
    line.append("=").append(value);
    gentoo::apply(start.settings, line);
  }
  start.environment = std::move(environment);
  return start;
}

void replace_own_environment(const gentoo::Environment& environment) {
  ::clearenv();
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
}

}  // namespace fusebox::cli
