// Who acts on events once they are recorded, outside of the box.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/event.h"

namespace fusebox::audit {

// What should have been done about an event, and was not.
struct Undelivered {
  std::uint64_t event = 0;  // its `seq` in the log
  std::string op;           // of it
  std::string path;         // of it
  std::string rule;         // which one acts, and where it was written
  std::string why;
};

// The log's: one call at a time, from whichever thread.
class ActingSink {
 public:
  virtual ~ActingSink() = default;

  // An event with triggers that stands in the log as `line`, without a line break.  Never waits.
  virtual void add(const Event& event, std::uint64_t seq, std::string_view line) = 0;

  // What has turned out since it was last asked.
  virtual std::vector<Undelivered> take_undelivered() = 0;

  // No more events will come: waits for what is under way, but for a bounded time.  How many deeds were done in all.
  virtual std::uint64_t finish() = 0;
};

}  // namespace fusebox::audit
