// A line of the log for people.
#pragma once

#include <string>

#include "audit/record.h"

namespace fusebox::audit {

// One line with '\n', in the local time zone, aligned with the others:
// "12:34:56.789  sh[4242]                  open w       deny     /etc/passwd  EACCES  deny "/etc" (fusebox.toml:4:9)".
std::string render(const Record& record);

}  // namespace fusebox::audit
