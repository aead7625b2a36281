// Who else is told of each violation before the caller hears of it.
#pragma once

#include "audit/event.h"
#include "fusebox/result.h"

namespace fusebox::audit {

// Any thread may call it.  The process of the event waits meanwhile.
class ViolationSink {
 public:
  virtual ~ViolationSink() = default;

  // An error counts as one of the log itself: everything is refused from then on.
  virtual Result<> add(const Event& event) = 0;
};

}  // namespace fusebox::audit
