#include "cli/cmd_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "audit/log.h"
#include "box/box.h"
#include "box/capabilities.h"
#include "box/rights.h"
#include "cli/acting.h"
#include "cli/boxed.h"
#include "cli/device_nodes.h"
#include "cli/own_files.h"
#include "cli/run_box.h"
#include "cli/run_options.h"
#include "cli/script_graft.h"
#include "cli/seccomp_profile.h"
#include "guard/controlled_policy.h"

namespace fusebox::cli {
namespace {

audit::Level level_of(const std::string& word) {
  if (word == "violations") return audit::Level::violations;
  if (word == "all") return audit::Level::all;
  if (word == "io") return audit::Level::io;
  return audit::Level::files;
}

box::Network network_of(const RunOptions& options, const policy::LoadedPolicy& loaded) {
  if (!options.network.empty()) return options.network == "none" ? box::Network::none : box::Network::host;
  return loaded.network == policy::Network::none ? box::Network::none : box::Network::host;
}

box::DeviceNodes device_nodes_of(const RunOptions& options) {
  return options.device_nodes ? box::DeviceNodes::made : box::DeviceNodes::refused;
}

// What a box with a name keeps is for its user to review, and to apply, in no namespace: so all of it is to be his.
box::OwnId own_id_of(const RunOptions& options) {
  if (!options.map_root) return box::OwnId::same;
  return options.box.empty() ? box::OwnId::root_of_others : box::OwnId::root;
}

Outcome<Fd> create_file(const std::string& path, const char* what) {
  if (path.empty()) return Fd();
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (!file) {
    return std::unexpected(fault_with_errno(what + (" " + path), "name a file in a directory that you may write"));
  }
  return file;
}

// A /tmp of the box's own, where the policy lets it be written and the working directory is not in it.
Outcome<std::vector<Graft>> grafts_for(const policy::Policy& policy, const std::string& directory) {
  std::vector<Graft> grafts;
  const auto verdict = policy.decide("/tmp", policy::Want::write).verdict;
  const bool may_write = verdict == policy::Verdict::allow || verdict == policy::Verdict::discard;
  if (!may_write || shares_host_tmp(directory)) return grafts;
  Outcome<Fd> tmp = box::create_private_tmp();
  if (!tmp) return std::unexpected(tmp.error());
  grafts.push_back({.path = "/tmp", .directory = *std::move(tmp)});
  return grafts;
}

// Everything of one run, in the order in which it comes to life.
class Run {
 public:
  explicit Run(const RunOptions& options) : options_(options) {}

  Outcome<int> go() {
    const Outcome<> prepared = prepare();
    if (!prepared) return std::unexpected(prepared.error());
    const Outcome<> started = start();
    if (!started) return std::unexpected(started.error());
    return finish(boxed_.wait());
  }

 private:
  // What can fail without a trace: nothing is started, nothing changed but the new, empty log.
  Outcome<> prepare() {
    if (options_.device_nodes) {
      if (const Outcome<> possible = check_device_nodes(options_.policy.cow); !possible) return possible;
    }
    auto loaded = load_policy(options_.policy);
    if (!loaded) return std::unexpected(loaded.error());
    policy_.emplace(*std::move(loaded));
    auto directory = working_directory();
    if (!directory) return std::unexpected(directory.error());
    directory_ = *std::move(directory);
    if (const Outcome<> filtered = prepare_filter(); !filtered) return filtered;
    // By the user's own rights and place.
    if (const Outcome<> started = acting_.start(*policy_); !started) return started;
    if (const Outcome<> opened = box_.open(options_.box, *policy_); !opened) return opened;
    if (options_.device_nodes) {
      if (const Outcome<> possible = box_.check_device_nodes(); !possible) return possible;
    }
    const auto rights = box::acquire_rights(own_id_of(options_));
    if (!rights) return std::unexpected(rights.error());
    rights_ = *rights;
    root_ = Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_) return std::unexpected(fault_with_errno("open /"));
    auto log = create_file(options_.log.empty() ? policy_->audit_log.value_or("") : options_.log, "log");
    if (!log) return std::unexpected(log.error());
    log_file_ = *std::move(log);
    auto deps = create_file(options_.deps, "deps");
    if (!deps) return std::unexpected(deps.error());
    deps_file_ = *std::move(deps);
    protect(log_file_, "--log", *policy_);
    protect(deps_file_, "--deps", *policy_);
    protect(options_.policy.file, "--policy", *policy_);
    return {};
  }

  Outcome<> prepare_filter() {
    if (options_.seccomp.empty()) return {};
    const auto loaded =
        load_profile({.file = options_.seccomp,
                      .capabilities = box::capabilities_of_command(options_.map_root, device_nodes_of(options_))});
    if (!loaded) return std::unexpected(loaded.error());
    if (!options_.quiet) print_notes(*loaded, options_.seccomp);
    auto filter = filter_of(*loaded, options_.seccomp);
    if (!filter) return std::unexpected(filter.error());
    filter_ = *std::move(filter);
    protect(options_.seccomp, "--seccomp", *policy_);
    return {};
  }

  Outcome<> start() {
    auto grafts = grafts_for(policy_->policy, directory_);
    if (!grafts) return std::unexpected(grafts.error());
    for (const std::string& script : options_.scripts) {
      auto graft = scripts_.start(script);
      if (!graft) return std::unexpected(graft.error());
      grafts->push_back(*std::move(graft));
    }
    auto changes = box_.directory();
    if (!changes) return std::unexpected(changes.error());
    const policy::Policy& policy = policy_->policy;
    return boxed_.start({.box = {.command = options_.command,
                                 .directory = directory_,
                                 .network = network_of(options_, *policy_),
                                 .own_filter = std::move(filter_),
                                 .device_nodes = device_nodes_of(options_)},
                         .root = std::move(root_),
                         .connected = policy,
                         .policies = [&policy](audit::ProcessTable&) -> Outcome<std::unique_ptr<guard::PolicySource>> {
                           // Another owner than the run is not needed: it outlives its box.
                           const std::shared_ptr<const policy::Policy> whole(std::shared_ptr<void>(), &policy);
                           return std::make_unique<guard::ControlledPolicy>(whole, whole);
                         },
                         .level = level_of(options_.audit),
                         .log = std::move(log_file_),
                         .acting = acting_.take_sink(),
                         .triggers = acting_.triggers(),
                         .hook = acting_.hook(),
                         .changes = *std::move(changes),
                         .open_changes = box_.open_when_needed(),
                         .begin_changes = [this](const CowStore& store) { return box_.begin(store, options_.command); },
                         .grafts = *std::move(grafts),
                         .freshness = freshness_of(options_.serving),
                         .transport = transport_of(options_.serving),
                         .idle_processors = idle_processors_of(options_.serving),
                         .users = users_of(rights_)});
  }

  Outcome<int> finish(Outcome<box::Ending> ending) {
    if (!ending) return std::unexpected(ending.error());
    Outcome<audit::Summary> summary = boxed_.finish();
    if (!summary) return std::unexpected(summary.error());
    const Outcome<> deps_written = write_deps(*summary);
    if (!deps_written) report(deps_written.error());
    if (options_.statistics) print_statistics();
    if (!options_.quiet || summary->violations > 0 || summary->undelivered > 0) {
      const std::string text =
          audit::render(*summary, ::isatty(STDERR_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr);
      std::fwrite(text.data(), 1, text.size(), stderr);
    }
    if (!options_.quiet) std::fputs(box_.fate().c_str(), stderr);
    if (summary->violations > 0 && ending->status == 0 && options_.violations == "fail") {
      return static_cast<int>(ExitCode::violations);
    }
    // Whoever reads them would take what is old for new.
    return deps_written || ending->status != 0 ? ending->status : static_cast<int>(deps_written.error().code);
  }

  void print_statistics() const {
    std::string text = "fusebox: requests served\n";
    for (const auto& [name, requests] : boxed_.state().requests) {
      text += "  " + std::string(name) + " " + std::to_string(requests) + "\n";
    }
    std::fwrite(text.data(), 1, text.size(), stderr);
  }

  Outcome<> write_deps(const audit::Summary& summary) {
    if (!deps_file_) return {};
    const std::string rule = audit::render_make_rule(summary);
    if (::write(deps_file_.get(), rule.data(), rule.size()) != static_cast<ssize_t>(rule.size())) {
      return std::unexpected(fault_with_errno("deps " + options_.deps));
    }
    return {};
  }

  const RunOptions& options_;
  std::optional<policy::LoadedPolicy> policy_;
  std::string directory_;
  box::OwnFilter filter_;
  ScriptHosts scripts_;  // outlives the mirror that shows what they serve
  box::Rights rights_;
  Fd root_;
  Fd log_file_;
  Fd deps_file_;
  RunBox box_;
  Acting acting_;
  Boxed boxed_;
};

}  // namespace

void add_run_command(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run a command in a box");
  add_run_options(*command, *options);
  command->callback([options, &result] {
    const Outcome<int> status = Run(*options).go();
    result.exit_status = status ? *status : report(status.error());
  });
}

}  // namespace fusebox::cli
