// Where boxes with a name are kept, what a name is, and the one way to take hold of a box.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox {

// 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', not beginning with a dot or a dash.
Outcome<> check_box_name(std::string_view name);

// /var/lib/fusebox/boxes for root, else ${XDG_DATA_HOME:-${HOME}/.local/share}/fusebox/boxes.  Need not exist.
Outcome<std::string> boxes_directory();

// The directory of the box at `path`, which Faults call `called`; to read.
Outcome<Fd> open_box(const std::string& path, const std::string& called);

// A box's lock, held for as long as it is open; nothing where another process uses the box.
Outcome<std::optional<Fd>> try_lock_box(const Fd& box, const std::string& called);

// For those who cannot go on then.
Fault box_in_use(std::string called);

}  // namespace fusebox
