// What this layer defines from C++, a file each; each is called once for an interpreter, inside of a protected call.
// Scripts use what prelude/*.rb makes of it.
#pragma once

#include <mruby.h>

namespace fusebox::ruby_seccomp {

void define_context(mrb_state* mrb);       // Seccomp::Context
void define_words(mrb_state* mrb);         // constants, names of calls
void define_notification(mrb_state* mrb);  // calls to answer, descriptors over sockets
void define_trace(mrb_state* mrb);         // Seccomp::Trace
void define_signals(mrb_state* mrb);       // signals written down

}  // namespace fusebox::ruby_seccomp
