// How Ruby code ended that did not come to its end.
#pragma once

#include <mruby.h>

#include <expected>
#include <optional>
#include <string>

namespace fusebox::ruby {

struct Raised {
  std::string line;                   // "notes.rb:12: message (Class)", "notes.rb:3:7: syntax error, ..."; one line
  std::optional<int> exit_status{};   // the code asked to end: exit
  std::optional<int> error_number{};  // it was a SystemCallError (Errno::X)
  bool syntax_error = false;          // nothing ran
};

template <class T = void>
using Ran = std::expected<T, Raised>;

// What `exception` says of itself.  Its `file:line` is the innermost place in a script, whatever of our own Ruby code
// was called from there.  To be called inside of Engine::protect only: the exception's own methods run, and may raise.
void describe(mrb_state* mrb, mrb_value exception, Raised& into);

}  // namespace fusebox::ruby
