#include "cli/cmd_sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "box/rights.h"
#include "cli/boxed.h"
#include "cli/command.h"
#include "cli/policy_options.h"
#include "cli/sandbox_environment.h"
#include "cli/sandbox_options.h"
#include "gentoo/live_policy.h"
#include "gentoo/violation_log.h"

namespace fusebox::cli {
namespace {

constexpr int kOwnFailure = 1;
constexpr int kCannotExecute = 255;
constexpr const char* kBanner = "============================= Gentoo path sandbox ==============================\n";

bool ends_with_name(std::string_view path, std::string_view name) { return path.substr(path.rfind('/') + 1) == name; }

std::string resolve_what_exists(const std::string& path) {
  // What exists as a whole, and most does, takes a third of the system calls that the other way needs.
  if (const std::unique_ptr<char, decltype(&std::free)> whole(::realpath(path.c_str(), nullptr), &std::free); whole) {
    return whole.get();
  }
  std::error_code error;
  const auto resolved = std::filesystem::weakly_canonical(path, error);
  return error ? path : resolved.string();
}

std::vector<std::string> bash_command(const SandboxOptions& options, const std::string& bash_rc) {
  const bool is_program =
      options.command.size() > 1 || (options.command.size() == 1 && ::access(options.command[0].c_str(), X_OK) == 0);
  if (is_program && !options.bash) return options.command;
  std::vector<std::string> command = {"/bin/bash"};
  if (!bash_rc.empty()) command.insert(command.end(), {"-rcfile", bash_rc});
  if (options.command.empty()) return command;
  std::string text = options.command[0];
  for (std::size_t i = 1; i < options.command.size(); ++i) text += " " + options.command[i];
  command.insert(command.end(), {"-c", text});
  return command;
}

// As the original, which asks the configuration where no option says.
box::Network network_of(const SandboxOptions& options, const gentoo::Configuration& configuration) {
  const auto configured = [&](const char* name) {
    const auto found = configuration.main.find(std::string_view(name));
    return found != configuration.main.end() && gentoo::parse_switch(found->second).value_or(false);
  };
  const bool own = options.namespaces.value_or(configured("NAMESPACES_ENABLE")) &&
                   options.network_namespace.value_or(configured("NAMESPACE_NET_ENABLE"));
  return own ? box::Network::none : box::Network::host;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stderr); }

std::string text_of(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  std::string text;
  char buffer[16384];
  for (ssize_t length = 0; file && (length = ::read(file.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(length));
  }
  return text;
}

void print_summary(const std::string& log, bool in_colour) {
  const std::string star = in_colour ? " \033[31;01m*\033[0m " : " * ";
  print(star + "----------------------- SANDBOX ACCESS VIOLATION SUMMARY -----------------------\n" + star +
        "LOG FILE: \"" + log + "\"\n" + star + "\n" + text_of(log) + star +
        "--------------------------------------------------------------------------------\n");
}

// Everything of one sandbox, in the order in which it comes to life.
class Sandbox {
 public:
  Sandbox(SandboxOptions options, std::vector<int> inherited)
      : options_(std::move(options)), inherited_(std::move(inherited)) {}

  Outcome<box::Ending> go() {
    if (const Outcome<> prepared = prepare(); !prepared) return std::unexpected(prepared.error());
    if (const Outcome<> started = start(); !started) return std::unexpected(started.error());
    Outcome<box::Ending> ending = boxed_.wait();
    if (!ending) return ending;
    const Outcome<audit::Summary> summary = boxed_.finish();
    if (!summary) return std::unexpected(summary.error());
    const bool has_log = ::access(start_.log.c_str(), F_OK) == 0;
    if (has_log) print_summary(start_.log, start_.in_colour);
    const bool is_tested = start_.environment.contains("__SANDBOX_TESTING");
    const bool violated = has_log || summary->violations > 0;  // what it removed of its own log does not count
    if (violated && ending->status == 0 && !is_tested) ending->status = kOwnFailure;
    return ending;
  }

 private:
  Outcome<> prepare() {
    auto directory = working_directory();
    if (!directory) return std::unexpected(directory.error());
    directory_ = *std::move(directory);
    const Outcome<box::Rights> rights = box::acquire_rights();
    if (!rights) return std::unexpected(rights.error());
    rights_ = *rights;
    root_ = Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_) return std::unexpected(fault_with_errno("open /"));
    auto configuration = gentoo::read_configuration("/etc");
    if (!configuration) return std::unexpected(configuration.error());
    files_ = find_sandbox_files();
    start_ = prepare_sandbox(own_environment(), *configuration, files_, directory_, options_.command.empty());
    network_ = network_of(options_, *configuration);
    forms_ = {.directory = directory_, .resolve = resolve_what_exists};
    if (!options_.max_write.empty()) {
      ceiling_.emplace();
      for (const std::string& path : options_.max_write) {
        for (std::string& form : forms_.of(path)) ceiling_->push_back(std::move(form));
      }
    }
    connected_ = gentoo::policy_of(settings_of_connections(), forms_, ceiling_);
    auto log = gentoo::ViolationLog::create(start_.log, start_.debug_log,
                                            {.verbose = start_.verbose, .in_colour = start_.in_colour});
    if (!log) return std::unexpected(log.error());
    sink_ = *std::move(log);
    return {};
  }

  // FIFOs and sockets of outside: in what may be written from the start, and those by which Portage's helpers in a
  // phase speak with emerge.
  gentoo::Settings settings_of_connections() const {
    gentoo::Settings settings = start_.settings;
    const auto found = start_.environment.find(std::string_view("PORTAGE_BUILDDIR"));
    if (found != start_.environment.end()) settings.write += ":" + found->second + "/.ipc";
    return settings;
  }

  Outcome<> start() {
    const bool interactive = options_.command.empty();
    if (interactive) {
      std::fputs(kBanner, stdout);
      std::fflush(stdout);
    }
    replace_own_environment(start_.environment);
    gentoo::LiveOptions live{.initial = start_.settings, .forms = forms_, .ceiling = ceiling_};
    return boxed_.start(
        {.box = {.command = bash_command(options_, files_.bash_rc),
                 .directory = directory_,
                 .network = network_,
                 .inherited = inherited_},
         .root = std::move(root_),
         .connected = connected_,
         .policies = [&live](audit::ProcessTable& processes) -> Outcome<std::unique_ptr<guard::PolicySource>> {
           return gentoo::LivePolicy::create(processes, std::move(live));
         },
         .level = start_.debug_log.empty() ? audit::Level::violations : audit::Level::all,
         .sink = std::move(sink_),
         .changing_file = std::filesystem::path(start_.log).filename().string(),
         .users = users_of(rights_)});
  }

  const SandboxOptions options_;
  const std::vector<int> inherited_;
  std::string directory_;
  box::Rights rights_;
  Fd root_;
  SandboxFiles files_;
  SandboxStart start_;
  box::Network network_ = box::Network::host;
  gentoo::PathForms forms_{};
  std::optional<std::vector<std::string>> ceiling_;
  policy::Policy connected_{{}};
  std::unique_ptr<audit::EventSink> sink_;
  Boxed boxed_;
};

// Whoever waits for us sees what became of the program.
[[noreturn]] void die_of(int signal) {
  const rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);
  ::signal(signal, SIG_DFL);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(signal);
  ::_exit(128 + signal);
}

int report_own_failure(const Fault& fault) {
  report({.what = "sandbox: " + fault.what, .why = fault.why, .remedy = fault.remedy});
  const bool is_the_program = fault.code == ExitCode::cannot_execute || fault.code == ExitCode::not_found;
  return is_the_program ? kCannotExecute : kOwnFailure;
}

}  // namespace

bool is_executed_as(const char* name) {
  // The path that execve(2) was given, and what it led to.
  // NOLINTNEXTLINE(performance-no-int-to-ptr): getauxval(3) gives a string so
  const auto* given = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  if (given != nullptr && ends_with_name(given, name)) return true;
  std::error_code unknown;
  return ends_with_name(std::filesystem::read_symlink("/proc/self/exe", unknown).string(), name);
}

int run_as_sandbox(int argc, char** argv) {
  std::vector<int> inherited = box::inherited_descriptors();
  auto options = parse_sandbox_options(argc, argv);
  if (!options) return options.error();
  const gentoo::Environment environment = own_environment();
  if (environment.contains("SANDBOX_ACTIVE") && !environment.contains("__SANDBOX_TESTING")) {
    report({.what = "sandbox: not launching a new sandbox as one is already running in this process hierarchy",
            .why = {},
            .remedy = {}});
    return kOwnFailure;
  }
  Outcome<box::Ending> ending = Sandbox(*std::move(options), std::move(inherited)).go();
  if (!ending) return report_own_failure(ending.error());
  if (ending->killed_by_signal) die_of(ending->status - 128);
  return ending->status;
}

}  // namespace fusebox::cli
