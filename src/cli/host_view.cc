#include "cli/host_view.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/descriptor_table.h"

namespace fusebox::cli {
namespace {

constexpr std::size_t kMostDescriptors = 16384;

}  // namespace

std::size_t descriptor_budget() {
  // The other half is for files that are open for writing, listings, the log and the queues.
  return std::min(use_all_descriptors() / 2, kMostDescriptors);
}

KnownUsers users_of(const box::Rights& rights) {
  switch (rights.users) {
    case box::KnownUsers::all:
      return KnownUsers::all;
    case box::KnownUsers::some:
      return KnownUsers::some;
    case box::KnownUsers::one:
      return KnownUsers::one;
  }
  return KnownUsers::one;
}

HostView::~HostView() {
  if (mount_) mount_->end();  // its nodes are the store's, which gives its backing files back
}

Outcome<std::unique_ptr<HostView>> HostView::prepare(Fd root, HostViewOptions options) {
  std::unique_ptr<HostView> view(new HostView());
  // For one user, the host checks his permissions at each operation; so the policy, and the log, come first.  With
  // several, the kernel has to: it does not ask about directories whose names it knows.
  const bool one_user = options.users == KnownUsers::one;
  const Permissions permissions = one_user ? Permissions::file_system_checks : Permissions::kernel_checks;
  auto mount = Mount::create({.transport = options.transport,
                              .idle_processors = options.idle_processors,
                              .permissions = permissions,
                              .locks = Locks::forwarded});
  if (!mount) return std::unexpected(mount.error());
  view->mount_ = *std::move(mount);

  const Validity validity = options.freshness == Freshness::at_once ? Validity::zero() : std::chrono::seconds(1);
  // With changes kept aside there are two stores, that share the descriptors.
  const bool merges = options.changes || options.open_changes;
  const std::size_t descriptors = merges ? descriptor_budget() / 2 : descriptor_budget();
  const bool makes_nodes = options.guard == nullptr || options.makes_device_nodes;
  HostStoreOptions how{.entry_validity = validity,
                       .attr_validity = validity,
                       .negative_validity = validity,
                       .max_descriptors = descriptors,
                       .backing = &view->mount_->backing(),
                       .device_nodes = makes_nodes ? DeviceNodes::made : DeviceNodes::refused,
                       .users = options.users,
                       .outside_objects = options.outside,
                       .grafts = std::move(options.grafts),
                       .numbers = nullptr};
  if (merges) {
    auto store = options.changes ? CowStore::create(std::move(root), std::move(options.changes), std::move(how))
                                 : CowStore::create(std::move(root), std::move(options.open_changes), std::move(how));
    if (!store) return std::unexpected(store.error());
    view->cow_ = *std::move(store);
    view->root_ = view->cow_->root();
  } else {
    auto store = HostStore::create(std::move(root), std::move(how));
    if (!store) return std::unexpected(store.error());
    view->store_ = *std::move(store);
    view->root_ = view->store_->root();
  }
  if (options.guard != nullptr) view->root_ = guard::wrap_root(*options.guard, std::move(view->root_));
  return view;
}

std::string HostView::state() const {
  const MountState mount = mount_->state();
  const HostStoreStats store = stats();
  nlohmann::ordered_json requests = nlohmann::ordered_json::object();
  for (const auto& [name, count] : mount.requests) requests[std::string(name)] = count;
  const nlohmann::ordered_json state = {{"nodes", mount.nodes},
                                        {"handles", mount.handles},
                                        {"host_nodes", store.nodes},
                                        {"descriptors", store.descriptors},
                                        {"requests", std::move(requests)}};
  return state.dump();
}

}  // namespace fusebox::cli
