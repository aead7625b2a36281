// An event as one line of the log: docs/audit-format.md says what it holds.
#pragma once

#include <cstdint>
#include <string>

#include "audit/acting_sink.h"
#include "audit/event.h"

namespace fusebox::audit {

// Appends the JSON object and '\n'.  Always valid UTF-8 without control characters, whatever bytes the event holds.
void append_line(std::string& out, const Event& event, std::uint64_t seq);
void append_line(std::string& out, const Undelivered& undelivered, std::uint64_t seq);

}  // namespace fusebox::audit
