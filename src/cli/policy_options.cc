#include "cli/policy_options.h"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "base/real_paths.h"

namespace fusebox::cli {
namespace {

struct Free {
  void operator()(char* text) const { std::free(text); }
};
using CText = std::unique_ptr<char, Free>;

void add_rules(const std::vector<std::string>& texts, policy::RuleKind kind, std::vector<policy::FlagRule>& rules) {
  for (const std::string& text : texts) {
    rules.push_back({kind, text, "--" + std::string(policy::to_string(kind))});
  }
}

// One value each time it is given: what follows it may be the command of `fusebox run`.
void add_repeatable(CLI::App& app, const std::string& name, std::vector<std::string>& values, const std::string& type,
                    const std::string& help) {
  app.add_option(name, values, help)->type_name(type)->allow_extra_args(false)->group("Policy");
}

}  // namespace

void add_policy_options(CLI::App& app, PolicyOptions& options) {
  add_repeatable(app, "--profile", options.profiles, "NAME",
                 "Start from a shipped profile: default, build, gentoo, strict, secrets (repeatable)");
  app.add_option("--policy", options.file, "Add the rules of a policy file")->type_name("FILE")->group("Policy");
  add_repeatable(app, "--read", options.read, "PATH", "Allow reading PATH and all below (repeatable, as those below)");
  add_repeatable(app, "--write", options.write, "PATH", "Allow reading and writing it");
  add_repeatable(app, "--discard", options.discard, "PATH", "Allow writing it, and keep the changes in the box");
  add_repeatable(app, "--predict", options.predict, "PATH", "Refuse writing it, quietly: no violation");
  add_repeatable(app, "--deny", options.deny, "PATH", "Refuse reading and writing it: a violation");
  add_repeatable(app, "--hide", options.hide, "PATH", "Make it look as if it did not exist");
  app.add_flag("--cow", options.cow, "Keep all changes in the box: what may be read may be written there")
      ->group("Policy");
}

Outcome<std::string> working_directory() {
  const CText path(::getcwd(nullptr, 0));
  if (!path) return std::unexpected(fault_with_errno("working directory", "change to a directory that exists"));
  // getcwd(2): a directory outside of our root is "(unreachable)/...".
  if (*path != '/') {
    return std::unexpected(Fault{.what = "working directory",
                                 .why = "it lies outside of the root directory",
                                 .remedy = "change to a directory that can be reached"});
  }
  return std::string(path.get());
}

bool shares_host_tmp(std::string_view directory) { return directory == "/tmp" || directory.starts_with("/tmp/"); }

policy::Variables environment_variables(const std::string& directory) {
  policy::Variables variables;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      variables.try_emplace(std::string(text.substr(0, equals)), text.substr(equals + 1));
  }
  // The variable PWD is the shell's idea; it may be old, or a lie.
  variables["PWD"] = directory;
  variables["FUSEBOX_HOST_TMP"] = shares_host_tmp(directory) ? "/tmp" : "";
  if (variables["TMPDIR"].empty()) variables["TMPDIR"] = "/tmp";
  if (variables["HOME"].empty() || variables["USER"].empty()) {
    if (const passwd* user = ::getpwuid(::getuid())) {
      if (variables["HOME"].empty()) variables["HOME"] = user->pw_dir;
      if (variables["USER"].empty()) variables["USER"] = user->pw_name;
    }
  }
  return variables;
}

policy::Resolver path_resolver() {
  return [paths = std::make_shared<RealPaths>()](const std::string& path) { return paths->of(path); };
}

Outcome<policy::LoadedPolicy> load_policy(const PolicyOptions& options, policy::Variables variables,
                                          std::string directory, policy::Resolver resolve) {
  policy::Sources sources;
  sources.profiles = options.profiles;
  sources.variables = std::move(variables);
  sources.directory = std::move(directory);
  sources.resolve = std::move(resolve);
  sources.changes = options.cow ? policy::Changes::aside : policy::Changes::as_ruled;
  if (!options.file.empty()) {
    auto file = policy::read_policy_file(options.file);
    if (!file) return std::unexpected(std::move(file).error());
    sources.file = *std::move(file);
  }
  add_rules(options.read, policy::RuleKind::read, sources.flags);
  add_rules(options.write, policy::RuleKind::write, sources.flags);
  add_rules(options.discard, policy::RuleKind::discard, sources.flags);
  add_rules(options.predict, policy::RuleKind::predict, sources.flags);
  add_rules(options.deny, policy::RuleKind::deny, sources.flags);
  add_rules(options.hide, policy::RuleKind::hide, sources.flags);
  return policy::load(sources);
}

Outcome<policy::LoadedPolicy> load_policy(const PolicyOptions& options) {
  auto directory = working_directory();
  if (!directory) return std::unexpected(std::move(directory).error());
  auto variables = environment_variables(*directory);
  return load_policy(options, std::move(variables), *std::move(directory), path_resolver());
}

}  // namespace fusebox::cli
