// Where boxes with a name are kept, and what a name is.
#pragma once

#include <string>
#include <string_view>

#include "fusebox/fault.h"

namespace fusebox {

// 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', not beginning with a dot or a dash.
Outcome<> check_box_name(std::string_view name);

// /var/lib/fusebox/boxes for root, else ${XDG_DATA_HOME:-${HOME}/.local/share}/fusebox/boxes.  Need not exist.
Outcome<std::string> boxes_directory();

}  // namespace fusebox
