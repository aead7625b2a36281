// Has the host's file changed since a box took it? (review layer; pure)
//
// Where the copy says what it was taken from (origin.h), that is compared.  Where it does not, the time decides, and in
// doubt the answer is yes: the host's file must not have changed after the box's file came to be.
#pragma once

#include <string>
#include <string_view>

#include "review/change.h"
#include "review/layers.h"

namespace fusebox::review {

// A moment at or before that at which `upper`, a file of the box, began to stand for the host's.
timespec reference_of(const Status& upper, const timespec& box_created);

// For a file of the box that is no directory.  Empty: no.
std::string change_since(const Layers& layers, const Entry& entry, std::string_view path,
                         const std::optional<Status>& host, const timespec& since);

// For a directory of both: leaves in `change` those of the differences that the box made, and says where the host's
// attributes changed too.  A directory changes with each name that is made in it, so that its own times say little.
void judge_directory(const Entry& entry, const Status& host, const Aspects& differences, const timespec& since,
                     Change& change);

}  // namespace fusebox::review
