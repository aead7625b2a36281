#include "hook/same_processor.h"

namespace fusebox::hook {

SameProcessor::SameProcessor(pid_t process) : process_(process) {
  CPU_ZERO(&allowed_);
  ::sched_getaffinity(0, sizeof(allowed_), &allowed_);
}

void SameProcessor::keep_here() {
  const int here = ::sched_getcpu();
  if (here < 0 || here == processor_) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(here, &set);
  ::sched_setaffinity(process_, sizeof(set), &set);
  processor_ = here;
}

void SameProcessor::let_go() {
  if (processor_ == kAny) return;
  ::sched_setaffinity(process_, sizeof(allowed_), &allowed_);
  processor_ = kAny;
}

}  // namespace fusebox::hook
