// Where named boxes live, and whose turn it is to use one (store layer).
//
// A box is a directory: "upper" (the changes, in overlayfs's format; its root stands for "/"), "work" (what is being
// copied, and an index of files with several names), "box.json" and "lock".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox {

// A box that nobody else uses while this lives.
struct OpenBox {
  std::string path;
  Fd directory;  // apart from all other mounts where that is allowed, so that its files are no others' files
  Fd lock;       // flock'ed for as long as it is open
  bool is_new = false;
};

// Made where it is missing.  A fault where another process uses it.
Outcome<OpenBox> open_named_box(std::string_view name);

// One in the directory `boxes` that has no name, and is gone when it is dropped.  What killed runs left of theirs goes,
// too.
Outcome<OpenBox> open_temporary_box(const std::string& boxes);
void drop_temporary_box(OpenBox box);

// Whether anything is kept in it; what cannot be looked at counts as something.
bool holds_changes(const OpenBox& box);

// What is known of a box: box.json.
struct BoxRecord {
  std::string created;  // RFC 3339, in UTC
  std::string xattrs;   // "trusted" or "user": the prefix of overlayfs's marks
  std::vector<std::string> command;
};
std::optional<BoxRecord> read_box_record(const OpenBox& box);
Outcome<> write_box_record(const OpenBox& box, const BoxRecord& record);

// Now, as BoxRecord::created has it.
std::string time_of_creation();

}  // namespace fusebox
