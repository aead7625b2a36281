#include "cli/run_box.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "policy/pattern.h"

namespace fusebox::cli {
namespace {

bool keeps_changes(const policy::Policy& policy) {
  return policy.changes() == policy::Changes::aside ||
         std::ranges::any_of(policy.rules(),
                             [](const policy::Rule& rule) { return rule.kind == policy::RuleKind::discard; });
}

}  // namespace

RunBox::~RunBox() {
  if (box_ && name_.empty()) drop_temporary_box(*std::move(box_));
}

Outcome<> RunBox::open(const std::string& name, policy::LoadedPolicy& policy) {
  if (name.empty() && !keeps_changes(policy.policy)) return {};
  auto box = name.empty() ? open_temporary_box() : open_named_box(name);
  std::vector<policy::Rule> rules = policy.policy.rules();
  if (!box && name.empty() && policy.policy.changes() == policy::Changes::as_ruled) {
    // Nowhere to keep what the rules discard: then it is refused, as quietly.
    for (policy::Rule& rule : rules) {
      if (rule.kind == policy::RuleKind::discard) rule.kind = policy::RuleKind::predict;
    }
    policy.policy = policy::Policy(std::move(rules));
    return {};
  }
  if (!box) return std::unexpected(box.error());
  name_ = name;
  box_.emplace(*std::move(box));
  const std::string boxes = box_->path.substr(0, box_->path.rfind('/'));
  rules.push_back({policy::RuleKind::hide, policy::quoted(boxes), "where boxes are kept"});
  policy.policy = policy::Policy(std::move(rules), policy.policy.changes());
  return {};
}

Outcome<Fd> RunBox::directory() const {
  Fd copy(::fcntl(box_->directory.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return std::unexpected(fault_with_errno("open the box's directory"));
  return copy;
}

Outcome<> RunBox::begin(const CowStore& store, const std::vector<std::string>& command) const {
  if (!is_named()) return {};  // nobody will read it, and to have it on disk takes milliseconds
  BoxRecord record =
      read_box_record(*box_).value_or(BoxRecord{.created = time_of_creation(), .xattrs = {}, .command = {}});
  record.xattrs = store.xattr_prefix();
  record.command = command;
  return write_box_record(*box_, record);
}

}  // namespace fusebox::cli
