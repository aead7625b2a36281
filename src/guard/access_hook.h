// Someone who is asked about an access that the policy permits, and may narrow what it says.
//
// Handed in from where the box is put together, as PolicySource is: the guard knows no script and no process.
#pragma once

#include <string>
#include <string_view>

#include "audit/event.h"
#include "fusebox/request.h"
#include "fusebox/task.h"
#include "policy/verdict.h"

namespace fusebox::guard {

// What refers to text lives until the answer is there.
struct Question {
  audit::Op op;
  policy::Want want;
  std::string_view path;
  std::string_view to;  // rename, link: the new name; symlink: its target
  const audit::Process& process;
  const Caller& caller;
};

struct Answer {
  policy::Verdict verdict = policy::Verdict::allow;  // allow: what the policy says holds; discard is none
  bool failed = false;                               // nobody answered: the answer is no, whatever is wanted
  std::string rule{};                                // for the log: who said so, and why
};

// Any thread.  Outlives the guard.
class AccessHook {
 public:
  virtual ~AccessHook() = default;

  // Is it to be asked about this path?  Cheap.
  virtual bool concerns(std::string_view path) const = 0;

  // May it concern a name directly in this directory?
  virtual bool concerns_names_in(std::string_view directory) const = 0;

  // Is it to be asked about looks (Want::stat) at all?  Always the same.
  virtual bool wants_looks() const = 0;

  // The caller waits meanwhile; nobody else does.
  virtual Task<Answer> ask(const Request& request, Question question) = 0;
};

}  // namespace fusebox::guard
