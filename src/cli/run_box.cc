#include "cli/run_box.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/boxes.h"
#include "cli/device_nodes.h"
#include "policy/pattern.h"

namespace fusebox::cli {
namespace {

bool discards(const policy::Rule& rule) { return rule.kind == policy::RuleKind::discard; }

// Nowhere to keep what the rules discard: then it is refused, as quietly.
void refuse_what_is_discarded(policy::Policy& policy) {
  std::vector<policy::Rule> rules = policy.rules();
  for (policy::Rule& rule : rules) {
    if (discards(rule)) rule.kind = policy::RuleKind::predict;
  }
  policy = policy::Policy(std::move(rules));
}

}  // namespace

RunBox::~RunBox() {
  if (box_ && name_.empty()) drop_temporary_box(*std::move(box_));
}

Outcome<> RunBox::open(const std::string& name, policy::LoadedPolicy& loaded) {
  policy::Policy& policy = loaded.policy;
  const bool keeps_all = policy.changes() == policy::Changes::aside;
  if (name.empty() && !keeps_all && std::ranges::none_of(policy.rules(), discards)) return {};
  auto boxes = boxes_directory();
  if (!boxes && name.empty() && !keeps_all) {
    refuse_what_is_discarded(policy);
    return {};
  }
  if (!boxes) return std::unexpected(boxes.error());
  boxes_ = *std::move(boxes);
  name_ = name;
  is_lazy_ = name.empty() && !keeps_all;
  if (!is_lazy_) {
    auto box = name.empty() ? open_temporary_box(boxes_) : open_named_box(name);
    if (!box) return std::unexpected(box.error());
    box_.emplace(*std::move(box));
  }
  std::vector<policy::Rule> rules = policy.rules();
  rules.push_back({policy::RuleKind::hide, policy::quoted(boxes_), "where boxes are kept"});
  policy = policy::Policy(std::move(rules), policy.changes());
  return {};
}

Outcome<> RunBox::check_device_nodes() {
  Outcome<> possible = check_place_of_device_nodes(box_->directory, box_->path);
  if (!possible && box_->is_new) {
    drop_temporary_box(*std::move(box_));
    box_.reset();
  }
  return possible;
}

Outcome<Fd> RunBox::directory() const {
  if (!box_) return Fd();
  Fd copy(::fcntl(box_->directory.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return std::unexpected(fault_with_errno("open the box's directory"));
  return copy;
}

OpenChanges RunBox::open_when_needed() {
  if (!is_lazy_) return {};
  return [this]() -> Outcome<Fd> {
    auto box = open_temporary_box(boxes_);
    if (!box) return std::unexpected(box.error());
    box_.emplace(*std::move(box));
    return directory();
  };
}

Outcome<> RunBox::begin(const CowStore& store, const std::vector<std::string>& command) const {
  if (name_.empty()) return {};  // nobody will read it, and to have it on disk takes milliseconds
  BoxRecord record =
      read_box_record(*box_).value_or(BoxRecord{.created = time_of_creation(), .xattrs = {}, .command = {}});
  record.xattrs = store.xattr_prefix();
  record.command = command;
  return write_box_record(*box_, record);
}

std::string RunBox::fate() const {
  if (!box_ || !holds_changes(*box_)) return {};
  if (!name_.empty())
    return "fusebox: the changes are kept in box '" + name_ + "' (look: fusebox diff " + name_ + ")\n";
  return "fusebox: changes that were kept aside are gone with the box (to keep them: --box NAME)\n";
}

}  // namespace fusebox::cli
