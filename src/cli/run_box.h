// The box's own directory in one run: where its changes are kept.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cow/box_place.h"
#include "cow/cow_store.h"
#include "fusebox/fault.h"
#include "guard/guard.h"
#include "policy/load.h"

namespace fusebox::cli {

// Which face of a merged node the guard uses.
class MergedDestinations final : public guard::Destinations {
 public:
  Ref<Node> in_place(const Ref<Node>& node) override { return CowStore::in_place(node); }
};

class RunBox {
 public:
  RunBox() = default;
  ~RunBox();  // one without a name is removed
  RunBox(const RunBox&) = delete;
  RunBox& operator=(const RunBox&) = delete;

  // Opens the box of that name; without one, a temporary box where the policy keeps all changes.  For `discard` rules
  // that is opened by the first change (open_when_needed()); where it is known that there is no place for it, they
  // become `predict`.  Boxes are hidden from what runs in them.
  Outcome<> open(const std::string& name, policy::LoadedPolicy& loaded);

  // Of one that is open: see check_place_of_device_nodes().
  Outcome<> check_device_nodes();

  Outcome<Fd> directory() const;   // empty: none is open
  OpenChanges open_when_needed();  // empty: it is open, or none is needed
  // Writes down what is being run, for a box with a name.
  Outcome<> begin(const CowStore& store, const std::vector<std::string>& command) const;
  // Where the changes are, or that they go: a line for the end of the run.  Empty: there are none.
  std::string fate() const;

 private:
  std::string boxes_;  // where boxes are: as the user who started us sees it
  std::string name_;
  bool is_lazy_ = false;
  std::optional<OpenBox> box_;
};

}  // namespace fusebox::cli
