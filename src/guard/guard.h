// Where policy, store and audit meet: every node of the box's tree is wrapped, every operation goes
// ask policy -> call the store -> tell the audit log.
//
// A refused operation never reaches the store, and is in the log before the caller hears of it.  When the log cannot
// take an event, everything is refused from then on (EIO): nothing happens unseen.
// Knows nothing of FUSE: it wraps any Node.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "audit/log.h"
#include "audit/process_table.h"
#include "fusebox/node.h"
#include "guard/used_names.h"
#include "policy/policy.h"

namespace fusebox::guard {

// Where a node is, and what the policy says of that place.  Immutable.
struct Place {
  Place(std::string where, const policy::Policy& policy, std::uint64_t made_in);

  std::string path;
  std::uint64_t hash;
  std::uint64_t epoch;                        // of Guard::epoch() when this was worked out
  std::array<policy::Decision, 3> decisions;  // by policy::Want

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

// Shared by all nodes of one box.  Policy, log and table outlive it.  Any thread.
class Guard {
 public:
  // `destinations` outlives it, too; null: the store has one way only.
  Guard(const policy::Policy& policy, audit::Log& log, audit::ProcessTable& processes,
        Destinations* destinations = nullptr);

  const policy::Policy& policy() const { return policy_; }
  audit::ProcessTable& processes() const { return processes_; }
  audit::Level level() const { return level_; }
  UsedNames& used_names() { return used_names_; }

  // `node`, of the store, as it is to be used at this place.
  Ref<Node> used_at(const Place& place, const Ref<Node>& node) const;

  Place place(std::string path) const { return Place(std::move(path), policy_, epoch()); }

  // Is `act` at this place allowed?  If not: it is in the log, and the error is what the caller gets.
  Result<> permit(const Request& request, const Place& place, const Act& act, std::string_view to = {});

  // The same for an operation on two places; the first that refuses decides.
  Result<> permit_both(const Request& request, const Place& from, const Place& to, const Act& act);

  // An operation that no single rule refuses, but what it would do to several (a directory that carries rules along).
  Result<> refuse(const Request& request, const Place& from, const Place& to, const Act& act, std::string reason);

  // Tells the log how a permitted operation ended.
  Result<> report(const Request& request, const Place& place, const Act& act, Errno error, std::string_view to = {},
                  std::uint64_t bytes = 0);

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
  };
  Refusal refusal_by(const policy::Decision& decision) const;
  Result<> record_refusal(const Request& request, const Place& place, const Act& act, std::string_view to,
                          const Refusal& refusal);
  Result<> record(audit::Event event);

  static constexpr std::size_t kMutexes = 64;

  const policy::Policy& policy_;
  audit::Log& log_;
  audit::ProcessTable& processes_;
  Destinations* const destinations_;
  const audit::Level level_;
  std::atomic<std::uint64_t> epoch_{1};
  std::atomic<bool> log_broken_{false};
  mutable std::array<std::mutex, kMutexes> mutexes_;
  UsedNames used_names_;
};

// The root of a guarded tree: `root` is what the box sees as "/".
Ref<Node> wrap_root(Guard& guard, Ref<Node> root);

}  // namespace fusebox::guard
