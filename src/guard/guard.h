// Where policy, store and audit meet: every node of the box's tree is wrapped, every operation goes
// ask policy -> call the store -> tell the audit log.
//
// A refused operation never reaches the store, and is in the log before the caller hears of it.  When the log cannot
// take an event, everything is refused from then on (EIO): nothing happens unseen.
// Knows nothing of FUSE: it wraps any Node.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "audit/log.h"
#include "audit/process_table.h"
#include "fusebox/node.h"
#include "guard/access_hook.h"
#include "guard/last_refusals.h"
#include "guard/policy_source.h"
#include "guard/used_names.h"
#include "policy/trigger_rules.h"

namespace fusebox::guard {

// Where a node is, and what a policy says of that place.  Immutable.
struct Place {
  Place(std::string where, Ruling by, std::uint64_t made_in, std::uint64_t rules_that_act, bool hook_is_asked);

  std::string path;
  std::uint64_t hash;
  std::uint64_t epoch;  // of Guard::epoch() when this was worked out
  Ruling ruling;
  std::array<policy::Decision, 3> decisions;  // by policy::Want
  std::uint64_t acting;                       // the rules that act on some event here, as policy::TriggerRules says
  bool asks;                                  // the hook, too

  const policy::Decision& decision(policy::Want want) const { return decisions[static_cast<std::size_t>(want)]; }
};

// What an operation does, as policy and log see it.
struct Act {
  audit::Op op;
  policy::Want want;
  int flags = 0;
  bool is_directory = false;
};

// Where changes go: a node of the store keeps them aside, and has another face for what goes to the host.
class Destinations {
 public:
  virtual ~Destinations() = default;
  virtual Ref<Node> in_place(const Ref<Node>& node) = 0;
};

struct GuardOptions {
  Destinations* destinations = nullptr;            // outlives the guard; null: the store has one way only
  const policy::TriggerRules* triggers = nullptr;  // the same; null: no rule acts
  AccessHook* hook = nullptr;                      // the same; null: the policy alone decides

  // The name, without its directory, of a file that changes by what the guard does: the kernel must ask each time what
  // became of it.  Empty: none.
  std::string changing_file{};
};

// Shared by all nodes of one box.  Source, log and table outlive it.  Any thread.
class Guard {
 public:
  Guard(PolicySource& policies, audit::Log& log, audit::ProcessTable& processes, GuardOptions options = {});

  // The policy that holds for the caller.
  Ruling ruling(const Request& request) const { return policies_.for_caller(request.caller); }
  audit::ProcessTable& processes() const { return processes_; }
  audit::Level level() const { return level_; }
  UsedNames& used_names() { return used_names_; }
  bool has_changing_file() const { return !options_.changing_file.empty(); }
  bool is_changing_file(std::string_view name) const { return has_changing_file() && name == options_.changing_file; }

  // A name of the root that no listing shows, and what is there.  Before anybody is served.
  void add_unlisted(std::string name, Ref<Node> node) { unlisted_.emplace(std::move(name), std::move(node)); }
  Ref<Node> unlisted(std::string_view name) const {
    const auto found = unlisted_.find(name);
    return found != unlisted_.end() ? found->second : nullptr;
  }

  // `node`, of the store, as it is to be used at this place.
  Ref<Node> used_at(const Place& place, const Ref<Node>& node) const;

  Place place(const Ruling& ruling, std::string path) const { return place(ruling, std::move(path), epoch()); }
  Place place(const Ruling& ruling, std::string path, std::uint64_t made_in) const;

  // Is `act` at this place allowed?  If not: it is in the log, and the error is what the caller gets.  What is referred
  // to lives until the task ends.
  Task<> permit(const Request& request, const Place& place, const Act& act, std::string_view to = {});

  // The same for an operation on two places; the first that refuses decides.
  Task<> permit_both(const Request& request, const Place& from, const Place& to, const Act& act);

  // The same without a word in the log, for those who only ask.
  Task<> would_permit(const Request& request, const Place& place, const Act& act);

  // Does the hook have a say at this path?  Then no answer but its own may be remembered, and where it is asked about
  // looks, by the kernel neither.
  bool asks_at(std::string_view path) const { return options_.hook != nullptr && options_.hook->concerns(path); }
  // Is it asked who may see a name: at all, and of some name of this directory?
  bool asks_about_looks() const { return options_.hook != nullptr && options_.hook->wants_looks(); }
  bool asks_about_names_in(std::string_view directory) const {
    return asks_about_looks() && options_.hook->concerns_names_in(directory);
  }

  // An operation that no single rule refuses, but what it would do to several (a directory that carries rules along).
  Result<> refuse(const Request& request, const Place& from, const Place& to, const Act& act, std::string reason);

  // Tells the log how a permitted operation ended.
  Result<> report(const Request& request, const Place& place, const Act& act, Errno error, std::string_view to = {},
                  std::uint64_t bytes = 0);

  // What the caller tells of itself (PolicySource::tell).
  Result<> hear(const Request& request, std::string_view name, std::span<const std::byte> value);

  // Places worked out before are no longer right: a directory moved.
  void places_changed() { epoch_.fetch_add(1, std::memory_order_acq_rel); }
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

  // Guards the place of `node`; many nodes share one.
  std::mutex& mutex_for(const void* node) const;

 private:
  struct Refusal {
    audit::Verdict outcome;
    Errno error;
    std::string rule;
    bool at_to = false;  // the second of two places refuses
  };
  bool is_asked(const Place& place, policy::Want want) const {
    return place.asks && (want != policy::Want::stat || asks_about_looks());
  }
  static Refusal refusal_by(const Place& place, const policy::Decision& decision);
  Result<> permit_by_policy(const Request& request, const Place& place, const Act& act, std::string_view to);
  Task<std::optional<Refusal>> refusal_by_hook(const Request& request, const Place& place, const Act& act,
                                               std::string_view to);
  Task<> permit_by_hook(const Request& request, const Place& place, const Act& act, std::string_view to);
  Result<> record_refusal(const Request& request, const Place& place, const Act& act, std::string_view to,
                          const Refusal& refusal);
  std::uint64_t triggered(const Place& place, std::string_view to, const Act& act, audit::Verdict outcome,
                          Errno error) const;
  Result<> hear_refusal(const Request& request, std::string_view text);
  Result<> record(audit::Event event);

  static constexpr std::size_t kMutexes = 64;

  PolicySource& policies_;
  audit::Log& log_;
  audit::ProcessTable& processes_;
  const GuardOptions options_;
  const audit::Level level_;
  std::atomic<std::uint64_t> epoch_{1};
  std::atomic<bool> log_broken_{false};
  mutable std::array<std::mutex, kMutexes> mutexes_;
  UsedNames used_names_;
  std::map<std::string, Ref<Node>, std::less<>> unlisted_;
  LastRefusals last_refusals_;
};

// The root of a guarded tree: `root` is what the box sees as "/".
Ref<Node> wrap_root(Guard& guard, Ref<Node> root);

}  // namespace fusebox::guard
