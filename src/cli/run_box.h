// The box's own directory in one run: where its changes are kept.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fusebox/fault.h"
#include "guard/guard.h"
#include "policy/load.h"
#include "store/box_place.h"
#include "store/cow_store.h"

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

  // Opens the box of that name; without one, a temporary box where the policy keeps any change in it.  Boxes are hidden
  // from what runs in them.  Where a temporary one cannot be made for `discard` rules, these become `predict`.
  Outcome<> open(const std::string& name, policy::LoadedPolicy& policy);

  bool is_open() const { return box_.has_value(); }
  bool is_named() const { return !name_.empty(); }
  Outcome<Fd> directory() const;
  // Writes down what is being run, for a box with a name.
  Outcome<> begin(const CowStore& store, const std::vector<std::string>& command) const;

 private:
  std::optional<OpenBox> box_;
  std::string name_;
};

}  // namespace fusebox::cli
