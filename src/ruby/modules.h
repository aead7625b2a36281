// What our library defines from C++, a file each; prelude.h has what is written in Ruby on top of it.  Each is called
// once for an interpreter, inside of a protected call, before the prelude.
//
// What only the prelude calls, and no script should, are functions of the module Fusebox.
#pragma once

#include <mruby.h>

namespace fusebox::ruby {

RClass* fusebox_module(mrb_state* mrb);

void define_system_errors(mrb_state* mrb);  // Errno
void define_environment(mrb_state* mrb);    // ENV
void define_process(mrb_state* mrb);        // Process, Kernel, Exec
void define_system(mrb_state* mrb);         // Uname, Dir, File.stat
void define_json(mrb_state* mrb);           // JSON
void define_curl(mrb_state* mrb);           // Curl

}  // namespace fusebox::ruby
