// Where boxes live, and how one is taken hold of (review layer).
//
// A box is a directory BOXES/NAME with `upper` (its changes, in overlayfs's format; its top is the root), `work`
// (scratch on the same file system), `box.json` and `lock`, on which whoever uses the box holds an exclusive flock(2).
// BOXES is boxes_directory() (base/boxes.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fusebox/fault.h"
#include "review/marks.h"
#include "review/tree.h"

namespace fusebox::review {

// In the order of their bytes; none where there is no such directory.
Outcome<std::vector<std::string>> box_names();

// What box.json says.
struct Description {
  std::string created{};  // RFC 3339, as it stands there
  timespec created_at{};  // at or before that
  Namespace space = Namespace::trusted;
  std::vector<std::string> command{};
};
Outcome<Description> parse_description(std::string_view json);

class Box {
 public:
  // A box of that name; of one that is not well-formed, a Fault.
  static Outcome<Box> open(const std::string& name);

  const std::string& name() const { return name_; }
  const Description& description() const { return description_; }
  const Tree& upper() const { return upper_; }
  const Tree& work() const { return work_; }

  // For itself alone, until this object ends.  False: a run or an apply uses it.
  Outcome<bool> try_lock();
  // The same; in use is a Fault.
  Outcome<> lock();

  // The word of an apply that was begun and has not come to its end, if there is one.
  std::optional<std::string> word_of_apply() const;
  // Draws one and keeps it, durably.
  Outcome<std::string> begin_apply() const;
  Outcome<> end_apply() const;

  // Removes all of it.  Locked.  After an interruption the next call for any box goes on.
  Outcome<> discard();

 private:
  Box(std::string name, Fd directory, Tree upper, Tree work, Description description)
      : name_(std::move(name)),
        directory_(std::move(directory)),
        upper_(std::move(upper)),
        work_(std::move(work)),
        description_(std::move(description)) {}

  std::string name_;
  Fd directory_;
  Tree upper_;
  Tree work_;
  Description description_;
  Fd lock_;
};

}  // namespace fusebox::review
