// The Ruby module FUSE, which fusuma's scripts are written for.
#pragma once

#include <mruby.h>

#include "base/embedded.h"

namespace fusebox::script {

// Its Ruby part, to be evaluated after define_fuse().
EmbeddedText fuse_module();

// To be called inside of a protected call.  The methods reach the process's Host by Host::of().
void define_fuse(mrb_state* mrb);

}  // namespace fusebox::script
