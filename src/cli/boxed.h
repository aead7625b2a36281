// A command in a box, with its mirror, its guard and its log: what `fusebox run` and `sandbox` have in common.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/log.h"
#include "audit/process_table.h"
#include "box/box.h"
#include "cli/bound_objects.h"
#include "cli/host_view.h"
#include "cli/run_box.h"
#include "guard/guard.h"
#include "guard/policy_source.h"

namespace fusebox::cli {

// Where the policies come from; asked once, when processes can be told apart.
using MakePolicies = std::function<Outcome<std::unique_ptr<guard::PolicySource>>(audit::ProcessTable& processes)>;

struct BoxedPlan {
  box::Plan box;
  Fd root;                          // the host's "/"
  const policy::Policy& connected;  // which FIFOs and sockets connect with outside: those it lets be written
  MakePolicies policies;
  audit::Level level = audit::Level::files;
  Fd log{};                                                         // empty: none
  std::unique_ptr<audit::EventSink> sink{};                         // see audit::Log
  std::unique_ptr<audit::ActingSink> acting{};                      // the same
  const policy::TriggerRules* triggers = nullptr;                   // see guard::GuardOptions
  guard::AccessHook* hook = nullptr;                                // the same
  std::string changing_file{};                                      // see guard::Guard
  Fd changes{};                                                     // see HostViewOptions
  OpenChanges open_changes{};                                       // likewise
  std::function<Outcome<>(const CowStore& store)> begin_changes{};  // where there are `changes`; before anyone serves
  std::vector<Graft> grafts{};
  Freshness freshness = Freshness::within_a_second;
  Transport transport = Transport::automatic;
  IdleProcessors idle_processors = IdleProcessors::keep_awake;
  KnownUsers users = KnownUsers::all;
};

// For the thread that made it, before it has started others.  Its destructor ends what is still running.
class Boxed {
 public:
  Boxed() = default;
  ~Boxed();
  Boxed(const Boxed&) = delete;
  Boxed& operator=(const Boxed&) = delete;

  // Comes back when the command was executed, or with the Fault that says why not.
  Outcome<> start(BoxedPlan plan);

  // Waits for the command; then nothing of it is left.
  Outcome<box::Ending> wait() { return child_->wait(); }

  // After wait(): the account of it all.
  Outcome<audit::Summary> finish();

  MountState state() const { return view_->mount().state(); }

 private:
  std::unique_ptr<audit::Log> log_;
  std::unique_ptr<audit::ProcessTable> processes_;
  std::unique_ptr<guard::PolicySource> policies_;
  MergedDestinations destinations_;
  std::optional<guard::Guard> guard_;
  std::optional<BoundObjects> objects_;
  std::unique_ptr<HostView> view_;
  std::optional<box::Child> child_;
};

}  // namespace fusebox::cli
