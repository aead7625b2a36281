// Who else is told of what is recorded, before the caller hears of it: of each violation, at level all of everything.
#pragma once

#include "audit/event.h"
#include "fusebox/result.h"

namespace fusebox::audit {

// Any thread may call it.  The process of the event waits meanwhile.
class EventSink {
 public:
  virtual ~EventSink() = default;

  // An error counts as one of the log itself: everything is refused from then on.
  virtual Result<> add(const Event& event) = 0;
};

}  // namespace fusebox::audit
