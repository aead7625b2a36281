#include "cli/boxed.h"

#include <signal.h>

#include <utility>

#include "base/descriptor_table.h"
#include "guard/control_directory.h"

namespace fusebox::cli {

Boxed::~Boxed() {
  if (objects_) objects_->stop();
  if (child_) child_->end();
  view_.reset();  // its threads ask the child until their connection has ended
}

Outcome<> Boxed::start(BoxedPlan plan) {
  // Before any thread, and before the descriptors of the server exist.
  auto child = box::Child::spawn(plan.box);
  if (!child) return std::unexpected(child.error());
  child_.emplace(*std::move(child));
  use_all_descriptors();
  // Who tells of violations on stderr must not end where nobody listens any more.
  if (plan.sink) ::signal(SIGPIPE, SIG_IGN);

  auto log = audit::Log::create(std::move(plan.log), plan.level, std::move(plan.sink), std::move(plan.acting));
  if (!log) return std::unexpected(log.error());
  log_ = *std::move(log);
  auto processes = audit::ProcessTable::create();
  if (!processes) return std::unexpected(processes.error());
  processes_ = *std::move(processes);
  auto policies = plan.policies(*processes_);
  if (!policies) return std::unexpected(policies.error());
  policies_ = *std::move(policies);
  const bool keeps_in_box = plan.changes.get() >= 0;
  const bool merges = keeps_in_box || plan.open_changes;
  const bool makes_device_nodes = plan.box.device_nodes == box::DeviceNodes::made;
  guard_.emplace(*policies_, *log_, *processes_,
                 guard::GuardOptions{.destinations = merges ? &destinations_ : nullptr,
                                     .triggers = plan.triggers,
                                     .hook = plan.hook,
                                     .changing_file = std::move(plan.changing_file)});
  if (auto* controlled = dynamic_cast<guard::ControlledPolicy*>(policies_.get())) {
    for (const std::string_view name : policy::kControlNames) {
      guard_->add_unlisted(std::string(name), guard::make_control_directory(*guard_, *controlled, name));
    }
  }
  objects_.emplace(plan.connected, *child_, plan.box.directory);

  // To see every request, the kernel must not answer any from memory.
  const Freshness freshness = plan.level >= audit::Level::all ? Freshness::at_once : plan.freshness;
  auto view = HostView::prepare(std::move(plan.root), {.grafts = std::move(plan.grafts),
                                                       .changes = std::move(plan.changes),
                                                       .open_changes = std::move(plan.open_changes),
                                                       .freshness = freshness,
                                                       .transport = plan.transport,
                                                       .idle_processors = plan.idle_processors,
                                                       .users = plan.users,
                                                       .makes_device_nodes = makes_device_nodes,
                                                       .guard = &*guard_,
                                                       .outside = &*objects_});
  if (!view) return std::unexpected(view.error());
  view_ = *std::move(view);
  if (keeps_in_box) {
    if (const Outcome<> begun = plan.begin_changes(*view_->changes()); !begun) return begun;
  }
  if (const Outcome<> served = view_->mount().serve(view_->root()); !served) return served;
  return child_->enter(view_->mount().take());
}

Outcome<audit::Summary> Boxed::finish() {
  view_->mount().wait();
  return log_->close();
}

}  // namespace fusebox::cli
